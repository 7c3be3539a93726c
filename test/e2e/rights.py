# SPDX-License-Identifier: Apache-2.0
"""What a role grants, single right by single right, and whether somebody asked for it."""

import itertools


def grants(role):
    """Each single thing that a role grants, as (index of the rule, group, resource, verb, name or "")."""
    for index, rule in enumerate(role["rules"]):
        for group, resource, verb, name in itertools.product(
            rule["apiGroups"], rule["resources"], rule["verbs"], rule.get("resourceNames", [""])
        ):
            yield index, group, resource, verb, name


def without(role, grant):
    """The role without one grant: its rule falls into one for each thing that is left of it."""
    rest = [
        {"apiGroups": [g], "resources": [r], "verbs": [v], **({"resourceNames": [n]} if n else {})}
        for index, g, r, v, n in grants(role)
        if index == grant[0] and (index, g, r, v, n) != grant
    ]
    return {**role, "rules": role["rules"][: grant[0]] + rest + role["rules"][grant[0] + 1 :]}


def asked(requests, account, group, resource, verb, name):
    """Whether one of the requests of the audit log is what that grant allows."""
    return any(
        r["account"] == account
        and r["verb"] == verb
        and r["group"] == group
        and r["resource"] == resource
        and name in ("", r["name"])
        for r in requests
    )
