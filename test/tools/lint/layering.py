#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when an include breaks the layering of docs/architecture.md.

Three rules: a folder may include only the folders listed for it below, which form no cycle; a pure folder sees,
whatever it includes, only those parts of include/ that are values; and each third party is included only behind
its one seam.
"""

import functools
import graphlib
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]

COMMON = ["common/base", "common/model", "common/kube", "common/obs"]
NODE_DECIDES = [
    "ipvsnode/announce",
    "ipvsnode/membership",
    "ipvsnode/apply",
    "ipvsnode/plan",
    "ipvsnode/desired",
    "ipvsnode/cluster",
]
NODE_VIEWS = ["ipvsnode/announce", "ipvsnode/membership", "ipvsnode/desired", "ipvsnode/cluster"]
ASSIGNER = ["assigner/allocation", "assigner/restore", "assigner/service"]

# folder under src/ -> the folders under src/ that it may include (itself always; include/ too, but see PURE).
MAY_INCLUDE = {
    "common/base": [],
    "common/model": ["common/base"],
    "common/net": [],
    "common/obs": ["common/base"],
    "common/kube": ["common/base", "common/model", "common/obs"],
    "common/access": COMMON,
    "assigner/allocation": ["common/base", "common/model"],
    "assigner/restore": ["assigner/allocation", "common/base", "common/model"],
    "assigner/service": [
        "assigner/allocation",
        "assigner/restore",
        *COMMON,
    ],
    "operator/pool": [*ASSIGNER, "common/base", "common/model", "common/kube"],
    "operator/ip": [*ASSIGNER, "common/base", "common/model", "common/kube"],
    "operator/session": [
        "operator/pool",
        "operator/ip",
        *ASSIGNER,
        *COMMON,
    ],
    "operator": [
        "operator/page",
        "operator/session",
        "operator/pool",
        "operator/ip",
        *ASSIGNER,
        *COMMON,
        "common/access",
    ],
    "operator/page": ["view", "operator/session", "assigner/service", "ipvsnode/membership", *COMMON],
    "view": [*ASSIGNER, "operator/pool", *NODE_VIEWS, "common/base", "common/model"],
    "cli/view": ["view", *ASSIGNER, "operator/pool", *NODE_VIEWS, "common/base", "common/model"],
    "cli/print": ["view", "cli/view", "common/base"],
    "cli/fetch": [
        "view",
        "cli/view",
        "operator",
        "operator/session",
        "ipvsnode/membership",
        "common/base",
        "common/model",
        "common/kube",
    ],
    "cli/bundle": ["common/base", "common/model", "common/kube"],
    "cli/files": ["common/base", "common/model"],
    "cli/convert": ["cli/files", "common/base", "common/model"],
    "cli": [
        "view",
        "cli/view",
        "cli/print",
        "cli/fetch",
        "cli/bundle",
        "cli/files",
        "cli/convert",
        "common/base",
        "common/model",
        "common/kube",
    ],
    "ipvsnode/netlink": ["common/base"],
    "ipvsnode/host": ["common/base", "ipvsnode/netlink"],
    "ipvsnode/filter": ["common/base"],
    "ipvsnode/cluster": [],
    "ipvsnode/desired": ["ipvsnode/cluster"],
    "ipvsnode/plan": ["ipvsnode/desired"],
    "ipvsnode/apply": ["ipvsnode/plan", "ipvsnode/desired", "common/obs"],
    "ipvsnode/membership": ["common/base", "common/model"],
    "ipvsnode/announce": ["ipvsnode/membership", "ipvsnode/desired", "ipvsnode/cluster"],
    "ipvsnode/announce/l2": ["common/base"],
    "ipvsnode/reconcile": [*NODE_DECIDES, *COMMON],
    "ipvsnode/inspect": [
        "ipvsnode/announce",
        "ipvsnode/plan",
        "ipvsnode/desired",
        "ipvsnode/cluster",
        "ipvsnode/host",
        "common/kube",
        "common/model",
    ],
    "ipvsnode/daemon": [
        "ipvsnode/reconcile",
        "ipvsnode/inspect",
        *NODE_DECIDES,
        "ipvsnode/announce/l2",
        "ipvsnode/filter",
        "ipvsnode/host",
        "ipvsnode/netlink",
        *COMMON,
        "common/access",
    ],
}

# folder under src/ that is pure -> pattern of the headers of include/ that it may reach, by whatever way. Keys of
# objects and objects by their keys are plain values; what else lies in kube/ is a store or the API. The headers of the
# kernel's seams hold the values that desired state and plan consist of. The prober alone of ipvsnode/announce is not
# pure: it has a thread, and asks the network by the seam of the announcer.
VALUES = r"barevip/(base|model)/.*|barevip/kube/objects?(_key)?\.h"
KERNEL_VALUES = VALUES + r"|barevip/ipvs/kernel\.h|barevip/net/(bind_interfaces|data_path|rtnetlink|packet_filter)\.h"
PURE = {
    "assigner/allocation": VALUES,
    "assigner/restore": VALUES,
    "ipvsnode/desired": KERNEL_VALUES,
    "ipvsnode/plan": KERNEL_VALUES,
    "ipvsnode/announce": KERNEL_VALUES + r"|barevip/net/announcer\.h",
    "view": KERNEL_VALUES + r"|barevip/net/announcer\.h|barevip/kube/event_sink\.h",
    "cli/files": VALUES,
    "cli/convert": VALUES,
    "cli/view": KERNEL_VALUES + r"|barevip/net/announcer\.h|barevip/kube/event_sink\.h",
    "cli/print": KERNEL_VALUES + r"|barevip/net/announcer\.h|barevip/kube/event_sink\.h",
}

# third party -> pattern of the header, pattern of the files that may include it.
SEAMS = {
    "cpprestsdk": (r"cpprest/|pplx/", r"src/common/kube/transport\.cc"),
    "libnl": (r"netlink/", r"src/ipvsnode/netlink/.*\.cc"),
    "libcap": (r"sys/capability\.h", r"src/ipvsnode/host/capabilities\.cc"),
    "nlohmann": (
        r"nlohmann/json\.hpp",
        r"src/common/(model|access)/.*_json\.cc|src/common/kube/.*\.cc|"
        r"src/(assigner|operator|ipvsnode|view|cli)/.*_json\.cc",
    ),
    "spdlog": (r"spdlog/", r"src/common/base/log\.cc"),
    "CLI11": (
        r"CLI/",
        r"src/(operator|ipvsnode/daemon|cli)/options\.cc|src/common/(base/command_line|access/flags)\.cc",
    ),
    "yaml-cpp": (r"yaml-cpp/", r"src/common/kube/kubeconfig_yaml\.(h|cc)|src/cli/(files|convert)/.*_yaml\.(h|cc)"),
    "libarchive": (r"archive(_entry)?\.h$", r"src/cli/bundle/archive\.cc"),
    "boost.container": (r"boost/container/", r"include/barevip/base/flat_map\.h"),
    "boost.asio": (r"boost/(?!container/)", r"src/common/kube/transport\.cc"),
    "openssl": (
        r"openssl/",
        r"src/common/(kube/(transport|pem_text)|obs/(self_signed|tls_server|tls_session)|access/digest)\.cc",
    ),
}

INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]')


def folder_of(path: str) -> str | None:
    """The layer that a path below src/ belongs to: the longest folder that matches."""
    matching = [f for f in MAY_INCLUDE if path.startswith(f + "/")]
    return max(matching, key=len) if matching else None


@functools.cache
def headers_of(file: pathlib.Path) -> list[tuple[int, str]]:
    """The includes of a file: number of the line, header as it is written."""
    lines = enumerate(file.read_text().splitlines(), 1)
    return [(number, match.group(1)) for number, line in lines if (match := INCLUDE.match(line))]


@functools.cache
def reached_from(header: str) -> frozenset[str]:
    """A header and the headers of this tree that its includes lead to."""
    found, open_ends = set(), [header]
    while open_ends:
        if (one := open_ends.pop()) in found:
            continue
        found.add(one)
        paths = [path for top in ("include", "src") if (path := ROOT / top / one).is_file()]
        open_ends += [further for path in paths for _, further in headers_of(path)]
    return frozenset(found)


def problems_of(file: pathlib.Path) -> list[str]:
    name = file.relative_to(ROOT).as_posix()
    found = []
    layer = folder_of(name.removeprefix("src/")) if name.startswith("src/") else None
    if name.startswith("src/") and layer is None:
        found.append(f"{name}: lies in no folder that test/tools/lint/layering.py knows")
    for number, header in headers_of(file):
        for party, (pattern, allowed) in SEAMS.items():
            if re.match(pattern, header) and not re.fullmatch(allowed, name):
                found.append(f"{name}:{number}: {party} is included outside its seam ({allowed})")
        for reached in sorted(reached_from(header)) if layer in PURE else ():
            if reached.startswith("barevip/") and not re.fullmatch(PURE[layer], reached):
                way = "" if reached == header else f", which {header} leads to"
                found.append(f"{name}:{number}: {layer} is pure and must not include {reached}{way}")
        target = folder_of(header)
        if name.startswith("include/") and target:
            found.append(f"{name}:{number}: include/ must not know src/ ({header})")
        if layer and target and target != layer and target not in MAY_INCLUDE[layer]:
            found.append(f"{name}:{number}: {layer} must not include {target} ({header})")
    return found


def cycles() -> list[str]:
    try:
        graphlib.TopologicalSorter(MAY_INCLUDE).prepare()
    except graphlib.CycleError as error:
        return ["these folders may include each other in a circle: " + " <- ".join(error.args[1])]
    return []


def main() -> int:
    files = [f for top in ("src", "include") for f in sorted((ROOT / top).rglob("*")) if f.suffix in (".h", ".cc")]
    problems = cycles() + [p for f in files for p in problems_of(f)]
    print("\n".join(problems) or f"{len(files)} files keep the layering")
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())
