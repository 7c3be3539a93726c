#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when an include breaks the layering of docs/architecture.md.

Two rules: a folder may include only the folders listed for it below, and each third party is
included only behind its one seam.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# folder under src/ -> the folders under src/ that it may include (itself always; include/ always).
MAY_INCLUDE = {
    "common/base": [],
    "common/model": ["common/base"],
    "common/obs": ["common/base"],
    "common/kube": ["common/base", "common/model", "common/obs"],
    "assigner": ["common/base", "common/model", "common/kube", "common/obs"],
    "operator": ["assigner", "common/base", "common/model", "common/kube", "common/obs"],
    "cli": ["common/base", "common/model"],
    "ipvsnode/netlink": ["common/base"],
    "ipvsnode/host": ["common/base", "ipvsnode/netlink"],
    "ipvsnode": ["ipvsnode/netlink", "ipvsnode/host", "common/base", "common/model", "common/kube",
                 "common/obs"],
}

# third party -> pattern of the header, pattern of the files that may include it.
SEAMS = {
    "cpprestsdk": (r"cpprest/|pplx/", r"src/common/kube/transport\.cc"),
    "libnl": (r"netlink/", r"src/ipvsnode/netlink/.*\.cc"),
    "libcap": (r"sys/capability\.h", r"src/ipvsnode/host/capabilities\.cc"),
    "nlohmann": (r"nlohmann/json\.hpp",
                 r"src/common/model/.*_json\.cc|src/common/kube/.*\.cc|src/ipvsnode/dump\.cc|"
                 r"src/(assigner|operator|ipvsnode)/.*_json\.cc"),
    "spdlog": (r"spdlog/", r"src/common/base/log\.cc"),
    "CLI11": (r"CLI/", r"src/(operator|ipvsnode|cli)/options\.cc|src/common/base/command_line\.cc"),
    "yaml-cpp": (r"yaml-cpp/", r"src/common/kube/kubeconfig\.cc|src/cli/.*_yaml\.(h|cc)"),
    "boost": (r"boost/", r"src/common/kube/transport\.cc"),
    "openssl": (r"openssl/", r"src/common/kube/(transport|kubeconfig)\.cc"),
}

INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]')


def folder_of(path: str) -> str | None:
    """The layer that a path below src/ belongs to: the longest folder that matches."""
    matching = [f for f in MAY_INCLUDE if path.startswith(f + "/")]
    return max(matching, key=len) if matching else None


def problems_of(file: pathlib.Path) -> list[str]:
    name = file.relative_to(ROOT).as_posix()
    found = []
    layer = folder_of(name.removeprefix("src/")) if name.startswith("src/") else None
    if name.startswith("src/") and layer is None:
        found.append(f"{name}: lies in no folder that test/lint/layering.py knows")
    for number, line in enumerate(file.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match.group(1)
        for party, (pattern, allowed) in SEAMS.items():
            if re.match(pattern, header) and not re.fullmatch(allowed, name):
                found.append(f"{name}:{number}: {party} is included outside its seam ({allowed})")
        target = folder_of(header)
        if name.startswith("include/") and target:
            found.append(f"{name}:{number}: include/ must not know src/ ({header})")
        if layer and target and target != layer and target not in MAY_INCLUDE[layer]:
            found.append(f"{name}:{number}: {layer} must not include {target} ({header})")
    return found


def main() -> int:
    files = [f for top in ("src", "include") for f in sorted((ROOT / top).rglob("*"))
             if f.suffix in (".h", ".cc")]
    problems = [p for f in files for p in problems_of(f)]
    print("\n".join(problems) or f"{len(files)} files keep the layering")
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())
