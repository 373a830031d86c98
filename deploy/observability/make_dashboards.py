"""Writes the Grafana dashboards from the catalog of metrics in docs/operations.md: `python3 make_dashboards.py`.

A panel is a metric: its title is what the catalog says of it, its query follows from its kind and labels.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CATALOG = HERE.parents[1] / "docs" / "operations.md"
ROW = re.compile(r"^\| `(\w+)` \| (counter|gauge|histogram) \| ([\w, ]*) \| (.+) \|$", re.MULTILINE)
OF_A_PROCESS = {"ready", "outbox_pending", "outbox_oldest_seconds", "console_live_pages"}
"""Shown by instance: a maximum over all would hide which."""
RARE = {
    "relay_republished_total", "consumer_rewound_total", "consumer_dead_letters_total", "dead_letters_retried_total",
}  # fmt: skip
"""Counted by the hour, as what concerns the country is."""
SCOPE = 'job="joldama", instance=~"$instance"'
COUNTRY = (
    "referrals_escalated", "referrals_without_deadline", "transfers_overdue", "audit_differences", "audit_unsettled",
    "audit_last_timestamp_seconds", "audits_total", "capacity_rebuilding", "capacity_rebuilt_total",
    "capacity_unreadable_total", "deadline_steps_total", "sweep_last_timestamp_seconds", "sweep_failed_total",
)  # fmt: skip
PIPELINE = (
    "outbox_pending", "outbox_oldest_seconds", "relay_published_total", "relay_republished_total", "consumer_lag",
    "consumer_last_event_age_seconds", "worker_events_total", "consumer_rewound_total", "retries_total",
    "dead_letters", "consumer_dead_letters_total", "dead_letters_retried_total",
)  # fmt: skip
PROCESS = (
    "ready", "http_requests_total", "http_request_seconds", "http_connections_cut_total", "console_live_pages",
    "console_subscribed",
)  # fmt: skip
PYTHON = {
    "process_cpu_seconds_total": ("counter", "Processors in use"),
    "process_resident_memory_bytes": ("gauge", "Memory, bytes"),
}
DASHBOARDS = {
    "country": ("Joldama: the country", COUNTRY),
    "pipeline": ("Joldama: the pipeline", PIPELINE),
    "processes": ("Joldama: each process", PROCESS),
}


def catalog() -> dict[str, tuple[str, tuple[str, ...], str]]:
    """By metric its kind, its labels, and what it is."""
    rows = ROW.findall(CATALOG.read_text(encoding="utf-8"))
    return {
        name: (kind, tuple(labels.replace(" ", "").split(",")) if labels else (), is_)
        for name, kind, labels, is_ in rows
    }


def queries(name: str, kind: str, labels: tuple[str, ...]) -> list[tuple[str, str]]:
    """The queries of a metric, each with its legend."""
    legend = " ".join(f"{{{{{label}}}}}" for label in labels)
    by = f" by ({', '.join(labels)})" if labels else ""
    if kind == "histogram":
        rate = f"sum by (le, {', '.join(labels)}) (rate({name}_bucket{{{SCOPE}}}[$__rate_interval]))"
        return [(f"histogram_quantile({q}, {rate})", f"{legend} p{q[2:]}") for q in ("0.50", "0.99")]
    if kind == "counter":
        many = f"increase({name}{{{SCOPE}}}[1h])" if rare(name) else f"rate({name}{{{SCOPE}}}[$__rate_interval])"
        return [(f"sum{by} ({many})", legend)]
    if name.endswith("_timestamp_seconds"):
        return [(f"time() - max{by} ({name}{{{SCOPE}}})", legend)]
    return [(f"max{by} ({name}{{{SCOPE}}})", legend)]


def rare(name: str) -> bool:
    return name.removeprefix("joldama_") in {*COUNTRY, *RARE}


def title(name: str, kind: str, is_: str) -> str:
    """What the catalog says, and by which time it is counted."""
    per = {"counter": " (an hour)" if rare(name) else " (a second)"}.get(kind, "")
    return is_.replace("`", "") + (" (seconds ago)" if name.endswith("_timestamp_seconds") else per)


def panel(number: int, name: str, kind: str, labels: tuple[str, ...], is_: str) -> dict[str, Any]:
    if name.removeprefix("joldama_") in OF_A_PROCESS or name in PYTHON:
        labels = ("instance", *labels)
    unit = "s" if name.endswith("_seconds") else "bytes" if name.endswith("_bytes") else "short"
    return {
        "id": number, "type": "timeseries", "title": title(name, kind, is_), "description": name,
        "datasource": {"type": "prometheus", "uid": "$datasource"},
        "gridPos": {"h": 8, "w": 8, "x": 8 * ((number - 1) % 3), "y": 8 * ((number - 1) // 3)},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(65 + at), "expr": expr, "legendFormat": legend or "all"}
            for at, (expr, legend) in enumerate(queries(name, kind, labels))
        ],
    }  # fmt: skip


def variables() -> list[dict[str, Any]]:
    return [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
        {
            "name": "instance", "type": "query", "label": "Process",
            "query": 'label_values(up{job="joldama"}, instance)',
            "datasource": {"type": "prometheus", "uid": "$datasource"}, "multi": True, "includeAll": True,
            "allValue": ".*", "current": {"text": "All", "value": "$__all"}, "refresh": 2,
        },
    ]  # fmt: skip


def dashboards() -> Iterator[tuple[str, str]]:
    """The name and the JSON of each file. Raises KeyError for a metric that the catalog does not have."""
    known = catalog()
    for name, (heading, metrics) in DASHBOARDS.items():
        shown = {one: known[one] for one in (f"joldama_{metric}" for metric in metrics)}
        if name == "processes":
            shown |= {one: (kind, (), is_) for one, (kind, is_) in PYTHON.items()}
        panels = [panel(number, one, *about) for number, (one, about) in enumerate(shown.items(), 1)]
        whole = {
            "uid": f"joldama-{name}", "title": heading, "tags": ["joldama"], "timezone": "browser", "schemaVersion": 39,
            "refresh": "30s", "time": {"from": "now-6h", "to": "now"}, "templating": {"list": variables()},
        }  # fmt: skip
        lines = ",\n  ".join(json.dumps(one, ensure_ascii=False) for one in panels)
        head = json.dumps(whole, ensure_ascii=False).removesuffix("}")
        yield f"{name}.json", f'{head}, "panels": [\n  {lines}\n]}}\n'


if __name__ == "__main__":
    for file, text in dashboards():
        (HERE / "dashboards" / file).write_text(text, encoding="utf-8")
