"""Dashboard and alerts ask only for metrics that the service has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from server.app import create_app
from server.settings import Settings
from tests.docker.queries import DEPLOY, alerts, dashboard_queries, metrics_in


@pytest.fixture(scope="module")
def metric_names() -> set[str]:
    """The names of all series of a service that has counted nothing yet."""
    metrics = create_app(Settings()).state.services.metrics
    metrics.bank_resets.labels("operator")
    text = metrics.to_text().decode()
    names = set(re.findall(r"^([a-z_]+)(?:\{| )", text, re.MULTILINE))
    # Known only once a worker runs: see tests/unit/server/observability/test_metrics.py.
    workers = {"sali_model_info", *(f"sali_worker_{n}" for n in names if n.startswith("process_"))}
    return names | workers | {"up"}


def test_every_query_names_metrics_that_exist(metric_names: set[str]) -> None:
    for expression in [*dashboard_queries(), *alerts().values()]:
        asked = metrics_in(expression)
        assert asked, expression
        assert asked <= metric_names, expression


def test_what_an_operator_has_to_see_is_on_the_dashboard() -> None:
    shown = set().union(*(metrics_in(query) for query in dashboard_queries()))
    assert {
        "sali_mask_age_seconds_bucket",
        "sali_stage_seconds_bucket",
        "sali_step_seconds_bucket",
        "sali_frames_received_total",
        "sali_frames_masked_total",
        "sali_drops_total",
        "sali_overlay_hidden_seconds_total",
        "sali_device_memory_bytes",
        "sali_bank_resets_total",
        "sali_source_reconnects_total",
        "sali_requests_refused_total",
        "sali_findings_announced_total",
        "sali_tracks",
        "sali_settings_reload_successful",
    } <= shown


def test_the_mask_age_has_its_line_at_120_ms() -> None:
    board = json.loads((DEPLOY / "grafana/dashboards/sali-live.json").read_text())
    (panel,) = (panel for panel in board["panels"] if panel["title"] == "Mask age")
    defaults = panel["fieldConfig"]["defaults"]
    assert {"color": "red", "value": 0.12} in defaults["thresholds"]["steps"]
    assert defaults["custom"]["thresholdsStyle"] == {"mode": "line"}


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = json.loads((DEPLOY / "grafana/dashboards/sali-live.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & own, panel["title"]
        assert place["x"] + place["w"] <= 24
        cells |= own


def test_the_panels_use_the_data_source_that_is_provisioned() -> None:
    board = json.loads((DEPLOY / "grafana/dashboards/sali-live.json").read_text())
    text = (DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text()
    (source,) = yaml.safe_load(text)["datasources"]
    assert {target["datasource"]["uid"] for p in board["panels"] for target in p["targets"]} == {
        source["uid"]
    }


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    groups = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert set(rule["annotations"]) == {"summary", "cure"}


@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
    ],
)
def test_promtool_agrees(command: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    done = subprocess.run(
        [promtool, *command],
        cwd=Path(DEPLOY / "prometheus"), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_documentation_lists_exactly_the_metrics(metric_names: set[str]) -> None:
    text = (DEPLOY.parent / "docs/observability.md").read_text()
    rows = re.findall(r"^\| (`sali_.+?) \|", text, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(sali_[a-z_]+)`", row)}
    endings = re.compile(r"_(bucket|sum|count|created)$")
    ours = {endings.sub("", name) for name in metric_names if name.startswith("sali_")}
    ours = {name for name in ours if not name.startswith("sali_worker_process_")}
    totals = {name for name in ours if f"{name}_total" in ours}  # of `..._created`
    assert documented == ours - totals
