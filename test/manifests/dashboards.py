# SPDX-License-Identifier: Apache-2.0
"""Reads Grafana's dashboards: what each panel asks Prometheus for."""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Query:
    """One query of a panel, with the variables set as Grafana sets them for everything and a scrape every 30 s."""

    panel: str
    expression: str


def queries(dashboard):
    """Every query of every panel, and of the variables that a reader chooses from."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield Query(panel["title"], _with_variables(target["expr"]))
    for variable in dashboard["templating"]["list"]:
        if values := re.match(r"label_values\((.*), \w+\)$", _text_of(variable)):
            yield Query(f"variable {variable['name']}", _with_variables(values.group(1)))


def _text_of(variable):
    query = variable["query"]
    return query["query"] if isinstance(query, dict) else query


def _with_variables(expression):
    return re.sub(r"\$(?!__)\w+", ".*", expression.replace("$__rate_interval", "2m"))
