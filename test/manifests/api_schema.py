# SPDX-License-Identifier: Apache-2.0
"""Validates objects offline, as an API server does with `fieldValidation: Strict`: unknown fields are errors.

The schemas are those that Kubernetes publishes in its source (api/openapi-spec/swagger.json of the pinned version),
with every object closed, and those of CustomResourceDefinitions: ours, and what the Prometheus operator publishes in
its source. What those of Kubernetes became is kept in the cache by version.
"""

import functools
import json
import os

import jsonschema

from manifests import rendering
from tools.lab import binaries, settings

_CACHED = os.path.join(settings.CACHE, "schemas", f"kubernetes-{settings.versions()['KUBERNETES_VERSION']}-1.json")
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


def _close(node):
    """Forbids what a schema does not name, everywhere in it."""
    if isinstance(node, list):
        for entry in node:
            _close(entry)
    if not isinstance(node, dict):
        return
    if node.get("format") == "int-or-string":
        node["type"] = ["integer", "string"]
    if isinstance(node.get("properties"), dict) and not node.get("x-kubernetes-preserve-unknown-fields"):
        node.setdefault("additionalProperties", False)
    for name, child in node.items():
        if name == "properties":
            for field in child.values():
                _close(field)
        elif name not in ("default", "enum", "example"):
            _close(child)


def _of_kubernetes():
    if os.path.exists(_CACHED):
        with open(_CACHED, encoding="utf-8") as file:
            return json.load(file)
    with open(
        os.path.join(binaries.kubernetes_source(), "api", "openapi-spec", "swagger.json"), encoding="utf-8"
    ) as file:
        definitions = json.load(file)["definitions"]
    kinds = {}
    for name, definition in definitions.items():
        _close(definition)
        served = definition.get("x-kubernetes-group-version-kind", [])
        if len(served) == 1:  # more are options and lists that every group has
            group, version, kind = (served[0][part] for part in ("group", "version", "kind"))
            kinds[f"{group}/{version} {kind}" if group else f"{version} {kind}"] = name
    definitions[_QUANTITY]["type"] = ["string", "number"]  # resource.Quantity reads both
    made = {"definitions": definitions, "kinds": kinds}
    os.makedirs(os.path.dirname(_CACHED), exist_ok=True)
    part = f"{_CACHED}.{os.getpid()}.part"
    with open(part, "w", encoding="utf-8") as out:
        json.dump(made, out)
    os.replace(part, _CACHED)
    return made


def _definitions_of_custom_resources():
    """The CustomResourceDefinitions of the kinds that we ask users to apply."""
    published = os.path.join(binaries.prometheus_operator_source(), "example", "prometheus-operator-crd")
    files = [os.path.join(settings.REPO, "crds", file) for file in ("pool.yaml", "ip.yaml")] + [
        os.path.join(published, f"monitoring.coreos.com_{kind}.yaml") for kind in ("podmonitors", "prometheusrules")
    ]
    return [rendering.read_yaml(file)[0] for file in files]


@functools.cache
def _schemas():
    made = _of_kubernetes()
    for spec in (definition["spec"] for definition in _definitions_of_custom_resources()):
        for version in spec["versions"]:
            schema = json.loads(json.dumps(version["schema"]["openAPIV3Schema"]))  # YAML's anchors make shared nodes
            _close(schema)
            schema["properties"]["metadata"] = {"$ref": f"#/definitions/{_META}"}
            name = f"{spec['group']}/{version['name']} {spec['names']['kind']}"
            made["definitions"][name.replace("/", ".")] = schema
            made["kinds"][name] = name.replace("/", ".")
    return made


def errors(item):
    """What is wrong with an object, one sentence each."""
    made = _schemas()
    kind = f"{item.get('apiVersion')} {item.get('kind')}"
    if kind not in made["kinds"]:
        return [f"{kind}: Kubernetes {settings.versions()['KUBERNETES_VERSION']} does not know this kind"]
    schema = {"$ref": f"#/definitions/{made['kinds'][kind]}", "definitions": made["definitions"]}
    name = f"{item['kind']}/{item.get('metadata', {}).get('name', '')}"
    return [
        f"{name} {'.'.join(str(step) for step in error.absolute_path)}: {error.message[:300]}"
        for error in jsonschema.Draft7Validator(schema).iter_errors(item)
    ]


def errors_of(items):
    return [error for item in items for error in errors(item)]
