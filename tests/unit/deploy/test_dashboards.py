"""The dashboards are what the catalog of metrics makes, and show each of its metrics."""

import importlib.util
import json
import re
from types import ModuleType
from typing import Any

import pytest

from services.kit.settings import CHECKOUT
from tests.unit.deploy.test_alerts import FILE, PROMETHEUS_OWN, rules
from tests.unit.deploy.test_metrics import catalog

OBSERVABILITY = CHECKOUT / "deploy" / "observability"
PYTHON_OWN = {"process_cpu_seconds_total", "process_resident_memory_bytes"}


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_dashboards", OBSERVABILITY / "make_dashboards.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def panels() -> list[dict[str, Any]]:
    files = sorted((OBSERVABILITY / "dashboards").glob("*.json"))
    return [panel for file in files for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]]


def named(panel: dict[str, Any]) -> set[str]:
    """The metrics of a panel's queries."""
    queries = " ".join(target["expr"] for target in panel["targets"])
    return set(re.findall(r"\b((?:joldama|process)_\w+)(?=\{)", queries))


def test_the_files_are_what_the_maker_writes(maker: ModuleType) -> None:
    made = dict(maker.dashboards())
    stored = {file.name: file.read_text(encoding="utf-8") for file in (OBSERVABILITY / "dashboards").iterdir()}
    assert stored == made, "write them anew: python3 deploy/observability/make_dashboards.py"


def test_each_metric_is_in_a_panel_and_a_panel_names_no_other() -> None:
    shown = set[str]().union(*(named(one) for one in panels()))
    of_samples = {re.sub(r"_bucket$", "", name) for name in shown}
    assert of_samples == catalog().keys() | PYTHON_OWN


def test_each_metric_of_an_alarm_is_in_the_catalog() -> None:
    alarmed = {name for rule in rules() for name in rule.metrics}
    assert alarmed <= catalog().keys() | PROMETHEUS_OWN.keys()


def test_a_panel_groups_by_labels_that_its_metric_has() -> None:
    for panel in panels():
        [metric] = named(panel)
        labels = {*catalog().get(re.sub(r"_bucket$", "", metric), ()), "instance", "le"}
        for target in panel["targets"]:
            grouped = [label for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in group.split(", ")]
            assert set(grouped) <= labels, panel["title"]
            assert target["expr"].count("(") == target["expr"].count(")")


def test_a_metric_that_is_not_in_the_catalog_is_refused(maker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(maker.DASHBOARDS, "country", ("x", ("gone",)))
    with pytest.raises(KeyError, match="joldama_gone"):
        list(maker.dashboards())


def test_prometheus_asks_every_process_under_the_job_that_the_alarms_know() -> None:
    text = (OBSERVABILITY / "prometheus.yml").read_text()
    compose = (CHECKOUT / "docker-compose.yml").read_text()
    started = re.findall(r"^  ([\w-]+):\n    <<: \*service\n", compose, re.MULTILINE)
    assert sorted(re.findall(r"- ([\w-]+):8081$", text, re.MULTILINE)) == sorted({*started} - {"issuer"})
    assert "job_name: joldama\n" in text
    assert FILE.name in text


def test_each_alarm_is_tried_to_ring() -> None:
    """`make test-alarms` runs them on promtool."""
    tried = set(re.findall(r'alertname="(\w+)"', (OBSERVABILITY / "joldama.rules.test.yml").read_text()))
    assert tried == {one.alert for one in rules()}
