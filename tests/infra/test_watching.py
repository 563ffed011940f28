"""Alerts and dashboard: only metrics that exist, and a page for each alert."""

import json
import re
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
import yaml

from jobs import metrics
from jobs.database import Database

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "infra/prometheus/rules.yml").read_text())
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "infra/grafana/dashboard.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


@pytest.fixture(scope="module")
def known(sqlite_template: Path) -> set[str]:
    """Names of all samples that our processes can give out."""
    record = metrics.RecordCollector(Database(f"sqlite:///{sqlite_template}"))
    families = [*prometheus_client.REGISTRY.collect(), *record.collect()]
    names = {family.name for family in families}
    for family in families:
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        names.update(family.name + ending for ending in endings.get(family.type, ()))
    return names


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\bcaptions_[a-z_]+", expression))


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_exist(rule: dict[str, Any], known: set[str]) -> None:
    assert metrics_in(rule["expr"]) <= known
    assert rule["labels"]["severity"] in ("page", "ticket")


def test_each_alert_has_its_section_in_the_runbook() -> None:
    sections = re.findall(r"^## (\S+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    assert sections[:-1] == [rule["alert"] for rule in ALERTS]
    assert sections[-1] == "Tasks"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_metrics_that_exist(panel: dict[str, Any], known: set[str]) -> None:
    for target in panel["targets"]:
        assert metrics_in(target["expr"]) <= known


def test_codes_that_an_alert_names_exist() -> None:
    from jobs.codes import CODES

    (ours,) = [rule for rule in ALERTS if rule["alert"] == "OurFaults"]
    named = re.search(r'code=~"([^"]*)"', ours["expr"])
    assert named
    assert set(named[1].split("|")) <= set(CODES)


def test_a_deaf_worker_ends_itself_long_before_somebody_is_woken() -> None:
    from worker.watchdog import DEAF_LOOKS, LOOK_SECONDS

    (stuck,) = [rule for rule in ALERTS if rule["alert"] == "WorkerStuck"]
    threshold = float(stuck["expr"].rsplit(">", 1)[1])
    assert threshold > 10 * DEAF_LOOKS * LOOK_SECONDS
    # The gauge of the worker itself ends with it: an alert on it would never come.
    asked = {metric for rule in ALERTS for metric in metrics_in(rule["expr"])}
    assert "captions_idle_while_work_waits_seconds" not in asked


def test_the_pages_name_only_metrics_that_exist(known: set[str]) -> None:
    for name in ("runbook.md", "scaling.md", "decisions/global-window.md"):
        assert metrics_in((ROOT / "docs" / name).read_text()) <= known, name
