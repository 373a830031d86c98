"""The catalog of metrics in docs/operations.md has every metric that a process exposes, with its labels."""

import re

from services.kit.settings import CHECKOUT
from tests.unit.deploy.test_alerts import exposed

ROW = re.compile(
    r"^\| `(?P<name>\w+)` \| (?P<kind>counter|gauge|histogram) \| (?P<labels>[\w, ]*) \| .+ \|$", re.MULTILINE
)
SUFFIX = re.compile(r"_(created|bucket|sum|count)$")


def catalog() -> dict[str, tuple[str, ...]]:
    text = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
    return {
        row["name"]: tuple(row["labels"].replace(" ", "").split(",") if row["labels"] else ())
        for row in ROW.finditer(text)
    }


def test_the_catalog_has_every_metric_and_no_other() -> None:
    samples = {name: labels for name, labels in exposed().items() if not name.startswith(("python_", "process_"))}
    assert all(name.startswith("joldama_") for name in samples), "every metric is the project's by its name"
    listed = catalog()
    assert len(listed) > 20
    of_sample = {SUFFIX.sub("", name): labels for name, labels in samples.items()}
    # a counter is exposed as its name without `_total` as well
    known = {name: of_sample[name] for name in of_sample if f"{name}_total" not in of_sample}
    assert listed == known
