# SPDX-License-Identifier: Apache-2.0
"""Compares two sets of objects field by field."""

# What Helm says about a release, which plain objects do not belong to.
RELEASE_LABELS = ("app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "helm.sh/chart")
_NOTHING = object()


def _key(item):
    metadata = item["metadata"]
    return item["apiVersion"], item["kind"], metadata.get("namespace", ""), metadata["name"]


def _name(key):
    return f"{key[1]}/{key[3]}" + (f" in {key[2]}" if key[2] else "")


def _shown(value):
    return "nothing" if value is _NOTHING else repr(value)


def _step(path, here, there, index):
    """The path of an entry of a list: by its name if both sides have the same one there."""
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in (here, there)]
    return f"{path}[{names[0] if names[0] and names[0] == names[1] else index}]"


def _differences(here, there, path):
    if isinstance(here, dict) and isinstance(there, dict):
        for name in sorted(here.keys() | there.keys()):
            yield from _differences(
                here.get(name, _NOTHING), there.get(name, _NOTHING), f"{path}.{name}" if path else name
            )
    elif isinstance(here, list) and isinstance(there, list):
        for index in range(max(len(here), len(there))):
            left = here[index] if index < len(here) else _NOTHING
            right = there[index] if index < len(there) else _NOTHING
            yield from _differences(left, right, _step(path, left, right, index))
    elif type(here) is not type(there) or here != there:
        yield path, here, there


def without_release_labels(item):
    """The object as it is outside of a release."""
    metadata = dict(item["metadata"])
    metadata["labels"] = {k: v for k, v in metadata.get("labels", {}).items() if k not in RELEASE_LABELS}
    return {**item, "metadata": metadata}


def differences(kustomize, helm):
    """One sentence for each field that the two sides render differently, whatever the order of the objects."""
    left = {_key(item): item for item in kustomize}
    right = {_key(item): without_release_labels(item) for item in helm}
    said = [
        f"{side} renders an object twice"
        for side, rendered, keys in (("kustomize", kustomize, left), ("helm", helm, right))
        if len(rendered) != len(keys)
    ]
    for key in sorted(left.keys() | right.keys()):
        if key not in left or key not in right:
            said.append(f"{_name(key)}: only {'helm' if key in right else 'kustomize'} renders it")
            continue
        said += [
            f"{_name(key)} {path}: kustomize says {_shown(here)}, helm says {_shown(there)}"
            for path, here, there in _differences(left[key], right[key], "")
        ]
    return said
