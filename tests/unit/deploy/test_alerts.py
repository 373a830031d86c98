"""Each alert uses metrics that a process exposes, and names commands and log lines that exist."""

import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

import orjson
import pytest

from services.cli.main import app
from services.kit.settings import CHECKOUT

FILE = CHECKOUT / "deploy" / "observability" / "joldama.rules.yml"
PROCESSES = (
    "intake.entrypoints.api", "intake.entrypoints.relay", "referral.entrypoints.api", "referral.entrypoints.relay",
    "referral.entrypoints.worker", "capacity.entrypoints.api", "capacity.entrypoints.relay",
    "console.entrypoints.web",
)  # fmt: skip
RULE = re.compile(
    r"""      - alert: (?P<alert>\w+)
        expr: (?P<expr>\S.*)
        for: (?P<wait>[0-9]+[smh])
        labels: { severity: (?P<severity>warning|critical) }
        annotations:
          summary: "(?P<summary>[^"\\]+)"
          description: "(?P<description>[^"\\]+)"
"""
)
"""The form of every rule in the file, so that no YAML parser is needed."""
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring) \([^)]*\)")
_NOT_METRICS = {"and", "or", "unless", "offset", "by", "on"}
PROMETHEUS_OWN = {"up": ("job", "instance")}


@dataclass(frozen=True)
class Rule:
    alert: str
    expr: str
    summary: str
    description: str

    @property
    def metrics(self) -> dict[str, set[str]]:
        """Each metric of the expression, with the labels in its braces."""
        expr = re.sub(r"\[[^]]*\]|offset \w+", "", _GROUPING.sub("", self.expr))
        found = re.findall(r"([a-zA-Z_:][\w:]*)\s*(\(|\{[^}]*\})?", re.sub(r'"[^"]*"', '""', expr))
        return {
            name: set(re.findall(r"(\w+)\s*[=!]", after))
            for name, after in found
            if after != "(" and name not in _NOT_METRICS
        }

    @property
    def grouped_by(self) -> set[str]:
        return {label for one in _GROUPING.findall(self.expr) for label in re.findall(r"\w+", one.partition("(")[2])}


def rules() -> list[Rule]:
    found = [one.groupdict() for one in RULE.finditer(FILE.read_text())]
    return [Rule(one["alert"], one["expr"], one["summary"], one["description"]) for one in found]


@cache
def exposed() -> dict[str, tuple[str, ...]]:
    """Each sample's name with its labels, as the processes expose them; read in a process of its own."""
    code = """
import importlib, json, sys
from prometheus_client import REGISTRY
for name in sys.argv[1:]:
    importlib.import_module(f"services.{name}")
found = {}
for metric, names in REGISTRY._collector_to_names.items():
    for name in names:
        found[name] = getattr(metric, "_labelnames", ())
print(json.dumps(found))
"""
    done = subprocess.run([sys.executable, "-c", code, *PROCESSES], capture_output=True, check=True)
    return {name: tuple(labels) for name, labels in orjson.loads(done.stdout).items()}


def test_every_line_of_the_file_belongs_to_a_rule() -> None:
    rest = RULE.sub("", FILE.read_text())
    assert len(rules()) == FILE.read_text().count("- alert:") > 10
    assert len({one.alert for one in rules()}) == len(rules())
    frame = r"(#.*|groups:|  - name: [\w-]+|    rules:|)"
    assert [line for line in rest.splitlines() if not re.fullmatch(frame, line)] == []


@pytest.mark.parametrize("rule", rules(), ids=lambda one: one.alert)
def test_the_metrics_of_an_alert_are_exposed_by_a_process(rule: Rule) -> None:
    assert rule.metrics
    known = exposed() | PROMETHEUS_OWN
    for name, labels in rule.metrics.items():
        assert name in known, f"{rule.alert}: nobody exposes {name}"
        assert labels <= set(known[name]), f"{rule.alert}: {name} has the labels {known[name]}"
    labels = {label for name in rule.metrics for label in known[name]} | {"instance"}
    assert rule.grouped_by <= labels
    assert set(re.findall(r"\$labels\.(\w+)", rule.summary + rule.description)) <= labels


@cache
def log_lines() -> set[str]:
    """The names of log lines in the source: written out, or of a step that is retried or run periodically."""
    source = "\n".join(path.read_text() for path in (CHECKOUT / "services").rglob("*.py"))
    steps = re.findall(r'\b(?:retry|run_periodically)\(\s*"(\w+)"', source)
    written = re.findall(r'\blog\.\w+\(\s*"([\w.]+)"', source)
    return {*written, *(f"{step}.retrying" for step in steps), "{{ $labels.step }}.retrying"}


@pytest.mark.parametrize("rule", rules(), ids=lambda one: one.alert)
def test_an_alert_names_log_lines_that_are_written(rule: Rule) -> None:
    named = re.findall(r"`((?:\{\{ \$labels\.step \}\}|\w+)\.\w+)`", rule.description)
    assert set(named) <= log_lines()
    assert bool(named) == ("log line" in rule.description and "last log lines" not in rule.description)


@pytest.mark.parametrize("rule", rules(), ids=lambda one: one.alert)
def test_an_alert_names_commands_that_exist(rule: Rule) -> None:
    known = {command.name or str(command.callback and command.callback.__name__) for command in app.registered_commands}
    known |= {
        str(group.name or (group.typer_instance and group.typer_instance.info.name)) for group in app.registered_groups
    }
    said = re.findall(r"`joldama ([\w-]+)", rule.description)
    assert {one.replace("-", "_") for one in said} <= {one.replace("-", "_") for one in known}
    assert said or "/readyz" in rule.description or "log line" in rule.description
    assert rule.summary[-1] not in ".!"
    assert rule.description.endswith(".")


def test_the_page_of_operations_says_of_each_alert_what_to_do() -> None:
    page = (CHECKOUT / "docs" / "operations.md").read_text()
    table = page.partition("| Alarm | Means | Do |")[2].partition("\n\n")[0]
    rows = [line.split("|") for line in table.splitlines()[2:]]
    named = {name for row in rows for name in re.findall(r"`(Joldama\w+)`", row[1])}
    assert named == {one.alert for one in rules()}
    assert all(row[3].strip() for row in rows), "each row says what to do"


def test_a_metric_that_no_process_has_is_noticed() -> None:
    assert Rule("a", 'max by (x) (gone{state="open"}) > 0 and on (y) up offset 1d', "", "").metrics == {
        "gone": {"state"},
        "up": set(),
    }
    assert "gone" not in exposed()
