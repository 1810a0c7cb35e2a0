"""The questions that the dashboard and the alerts ask Prometheus, and the metrics they name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"

_METRIC = re.compile(r"\b((?:sali|process)_[a-z0-9_]+|up)\b(?!\s*\()")


def dashboard_queries(interval: str = "30s") -> list[str]:
    """Return the expressions of every panel, with `$__rate_interval` filled in."""
    board = json.loads((DEPLOY / "grafana/dashboards/sali-live.json").read_text())
    return [
        target["expr"].replace("$__rate_interval", interval)
        for panel in board["panels"]
        for target in panel["targets"]
    ]


def alerts() -> dict[str, str]:
    """Return the expression of every alert by its name."""
    groups = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def metrics_in(expression: str) -> set[str]:
    """Return the names of the metrics that an expression reads."""
    return set(_METRIC.findall(expression))
