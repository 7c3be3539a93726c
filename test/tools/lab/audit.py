# SPDX-License-Identifier: Apache-2.0
"""What barevip's accounts asked of the API server, from the server's own audit log."""

import collections
import dataclasses
import json
import os

from . import settings

POLICY = os.path.join(settings.LAB, "audit-policy.yaml")
LOG = os.path.join(settings.LOGS, "audit.jsonl")


@dataclasses.dataclass(frozen=True, order=True)
class Request:
    """A kind of request; two that RBAC and admission cannot tell apart are equal."""

    account: str
    verb: str
    group: str
    resource: str
    name: str
    allowed: bool
    code: int
    why: str  # the server's sentence where it refused


def _request(event):
    """The kind of a request; None for what has no object, as /version."""
    target = event.get("objectRef")
    if not target:
        return None
    resource = target["resource"] + ("/" + target["subresource"] if "subresource" in target else "")
    # RBAC looks at names only where a role lists some: of Leases, and of what the uninstall hook touches.
    name = target.get("name", "") if target["resource"] in ("leases", "deployments", "daemonsets") else ""
    answer = event.get("responseStatus", {})
    return Request(
        event["user"]["username"].rpartition(":")[2],
        event["verb"],
        target.get("apiGroup", ""),
        resource,
        name,
        event.get("annotations", {}).get("authorization.k8s.io/decision") == "allow",
        answer.get("code", 0),
        answer.get("message", "") if answer.get("code") == 403 else "",
    )


def requests(start=0):
    """The requests of the log from a byte on, each with how often it was seen, and where the log ends now."""
    counts: collections.Counter[Request] = collections.Counter()
    if not os.path.exists(LOG):
        return counts, 0
    with open(LOG, "rb") as log:
        log.seek(start)
        for line in log:
            if not line.endswith(b"\n"):
                break  # still being written
            start += len(line)
            if found := _request(json.loads(line)):
                counts[found] += 1
    return counts, start
