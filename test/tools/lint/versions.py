#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a file tells another version of barevip than CMakeLists.txt, the one place that has it."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]

# How files tell the version. Templates of the chart compute it: {{ is no version.
LITERALS = {
    "image tag": re.compile(r"\bbarevip-(?:operator|node):([\w.+-]+)"),
    "newTag": re.compile(r"\bbarevip-(?:operator|node)\b[^}\n]*\bnewTag: *[\"']?([\w.+-]+)"),
    "app.kubernetes.io/version": re.compile(r"app\.kubernetes\.io/version: *[\"']?([\w.+-]+)"),
    "helm.sh/chart": re.compile(r"helm\.sh/chart: *[\"']?barevip-([\w.+-]+)"),
}
CHART = "deploy/helm/barevip/Chart.yaml"
CHART_FIELDS = {name: re.compile(rf"^{name}: *[\"']?([\w.+-]+)", re.MULTILINE) for name in ("version", "appVersion")}
FOLDERS = {"deploy": {".yaml", ".yml", ".md", ".txt"}, "docs": {".md"}, "crds": {".yaml"}}


def files():
    """The files that tell a version to users."""
    found = [ROOT / "README.md"]
    for folder, endings in FOLDERS.items():
        found += [f for f in sorted((ROOT / folder).rglob("*")) if f.is_file() and f.suffix in endings]
    return found


def main() -> int:
    stated = re.search(r"^project\(barevip VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE)
    if not stated:
        print("CMakeLists.txt: there is no line `project(barevip VERSION ...`")
        return 1
    version, problems, seen = stated.group(1), [], 0
    for file in files():
        name, text = file.relative_to(ROOT).as_posix(), file.read_text()
        for what, pattern in {**LITERALS, **(CHART_FIELDS if name == CHART else {})}.items():
            for match in pattern.finditer(text):
                seen += 1
                if match.group(1).rstrip(".") != version:
                    line = text.count("\n", 0, match.start()) + 1
                    problems.append(
                        f"{name}:{line}: {what} is {match.group(1)}, CMakeLists.txt has {version}: write that"
                    )
    chart = (ROOT / CHART).read_text() if (ROOT / CHART).exists() else ""
    problems += [
        f"{CHART}: there is no {field}" for field, pattern in CHART_FIELDS.items() if not pattern.search(chart)
    ]
    if not any(f.suffix == ".yaml" and LITERALS["image tag"].search(f.read_text()) for f in files()):
        problems.append("deploy: no manifest names an image of barevip with its tag")
    print("\n".join(problems) or f"{seen} places tell the version {version}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
