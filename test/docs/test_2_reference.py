# SPDX-License-Identifier: Apache-2.0
"""The reference and the programs say the same: flags, metrics, fields, and reasons of conditions and events."""

import glob
import os
import re
import subprocess
import unittest

import yaml

from docs import documentation
from tools.lab import settings

REFERENCE = documentation.page("reference.md")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def source(*patterns):
    """The text of the source files below src that match."""
    found = []
    for pattern in patterns:
        for path in sorted(glob.glob(os.path.join(settings.REPO, "src", pattern), recursive=True)):
            with open(path, encoding="utf-8") as file:
                found.append(file.read())
    return "\n".join(found)


def help_of(*command):
    program = os.path.join(settings.REPO, "build", "release", "bin", command[0])
    return subprocess.run([program, *command[1:], "--help"], capture_output=True, text=True, check=True).stdout


def commands(program):
    """The command lines of a program that have a help of their own: the program, and each of its commands."""
    yield (program,)
    _, _, listed = help_of(program).partition("Subcommands:\n")
    for name in re.findall(r"^  ([a-z-]+) ", listed, re.MULTILINE):
        yield (program, name)


class Flags(unittest.TestCase):
    # Every program and command has them.
    UNIVERSAL = {"--help", "--version"}

    def test_each_flag_of_a_program_stands_in_its_section(self):
        for program in ("barevip-operator", "barevip-node", "kubectl-barevip"):
            section = documentation.section(REFERENCE, program)
            for command in commands(program):
                with self.subTest(" ".join(command)):
                    options = [names for names in self.options(command) if not self.UNIVERSAL & set(names)]
                    self.assertEqual([names for names in options if not self.is_named(names, section)], [])

    def test_each_flag_in_a_table_is_one_of_the_program(self):
        for program in ("barevip-operator", "barevip-node"):
            for command in commands(program):
                heading = " ".join(command)
                if not re.search(rf"^#+ {heading}$", REFERENCE, re.MULTILINE):
                    continue
                with self.subTest(heading):
                    cells = documentation.first_cells(documentation.own_part(REFERENCE, heading))
                    documented = set(FLAG.findall(" ".join(cell for cell in cells if cell.startswith("`--"))))
                    self.assertTrue(documented)
                    self.assertEqual(documented - {name for names in self.options(command) for name in names}, set())

    @staticmethod
    def options(command):
        """The names of each option, as [-n, --namespace], from the lines of a help that begin with one."""
        return [names.split(",") for names in re.findall(r"^  (-\S+)", help_of(*command), re.MULTILINE)]

    @staticmethod
    def is_named(names, section):
        """Whether a section has an option by its short or its long name."""
        return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", section) for name in names)


class Metrics(unittest.TestCase):
    NAME = re.compile(r"\b(?:barevip|process)_[a-z_]*[a-z]\b")

    def names(self):
        return set(re.findall(r'"((?:barevip|process)_[a-z_]*[a-z])"', source("**/*.cc", "**/*.h")))

    def test_each_metric_stands_in_the_reference(self):
        self.assertGreater(len(self.names()), 50)
        self.assertEqual(self.names() - set(self.NAME.findall(REFERENCE)), set())

    def test_each_metric_that_a_page_names_exists(self):
        for page in ("reference.md", "troubleshooting.md", "how-to.md"):
            with self.subTest(page):
                named = {
                    name
                    for text in documentation.code(documentation.page(page))
                    for name in self.NAME.findall(text)
                    if text.startswith(name)
                }
                self.assertEqual({re.sub("_(bucket|sum|count)$", "", name) for name in named} - self.names(), set())


class Fields(unittest.TestCase):
    # Described as a whole: types of Kubernetes, and counts by family.
    KNOWN_TYPES = {
        *("conditions", "namespaceSelector", "serviceSelector", "nodeSelector"),
        *("capacity", "allocated", "available"),
    }

    def fields(self, schema, path=()):
        for name, field in schema.get("properties", {}).items():
            inner = field.get("items", field)
            if inner.get("properties") and name not in self.KNOWN_TYPES:
                yield from self.fields(inner, (*path, name))
            else:
                yield ".".join((*path, name))

    def schema(self, name):
        with open(os.path.join(settings.REPO, "crds", f"{name}.yaml"), encoding="utf-8") as file:
            schema = yaml.safe_load(file)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        return {"properties": {part: schema[part] for part in ("spec", "status")}}

    def documented(self, heading):
        """The fields in the first cells of a section; `.x` continues the path of the name before it."""
        found: list[str] = []
        for cell in documentation.first_cells(documentation.own_part(REFERENCE, heading)):
            for name in documentation.code(cell):
                if name.startswith("."):
                    found.append(found[-1].rpartition(".")[0] + name)
                elif name.startswith(("spec.", "status.")):
                    found.append(name)
        return set(found)

    def test_the_reference_has_the_fields_of_the_definitions_and_no_others(self):
        for heading, name in (("Pool", "pool"), ("IP", "ip")):
            with self.subTest(heading):
                defined = set(self.fields(self.schema(name))) - {"status.conditions"}
                self.assertEqual(self.documented(heading), defined)


class Reasons(unittest.TestCase):
    # Words of one CamelCase literal that are not reasons.
    ACTIONS = {"Allocate", "Announce", "Assign", "Record", "Reserve", "Serve"}
    KUBERNETES = {
        *("True", "False", "Bound", "Pending", "Conflict", "Failed", "Succeeded", "Proxy"),
        *("CustomResourceDefinition", "DaemonSet", "Deployment", "Lease", "Node", "Pod", "Pool", "Service", "Services"),
        *("LoadBalancer", "PreferDualStack", "FallbackToLogsOnError", "RollingUpdate"),
    }

    # Nothing is wrong.
    FINE = {"Adopted", "Announced", "Assigned", "NoOverlap", "OverlapsNodes", "Ready", "Reserved"}

    def reasons(self):
        text = source("assigner/**/*.cc", "assigner/**/*.h", "operator/**/*.cc", "operator/**/*.h", "ipvsnode/**/*.cc")
        literals = set(re.findall(r'"([A-Z][a-z]+(?:[A-Z][A-Za-z0-9]*)?)"', text))
        return literals - self.ACTIONS - self.KUBERNETES

    def test_each_reason_of_a_condition_or_an_event_stands_in_the_reference(self):
        self.assertGreater(len(self.reasons()), 40)
        self.assertEqual(self.reasons() - set(documentation.code(REFERENCE)), set())

    def test_each_reason_that_asks_for_something_is_a_heading_of_troubleshooting(self):
        headings = re.findall(r"^### `(\w+)`$", documentation.page("troubleshooting.md"), re.MULTILINE)
        self.assertEqual(self.reasons() - self.FINE - set(headings), set())

    def test_each_log_line_that_is_a_heading_stands_in_the_source(self):
        # Literals of one text in several lines are one.
        text = re.sub(r'"\s*"', "", source("**/*.cc"))
        lines = documentation.section(documentation.page("troubleshooting.md"), "Messages of the node daemon")
        headings = re.findall(r"^### `(.+)`$", lines, re.MULTILINE)
        self.assertTrue(headings)
        for heading in headings:
            with self.subTest(heading):
                # A word in capitals stands for a value.
                for part in re.split(r"\b[A-Z]{4,}\b", heading):
                    self.assertIn(part.strip(), text)
