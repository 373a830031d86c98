"""Logs never carry a name's number: the last guard."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from services.kit.logging import configure_logging, mask_personal


def masked(**event: object) -> dict[str, object]:
    return dict(mask_personal(None, "info", dict(event)))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("iin 200615600014 refused", "iin … refused"),
        ("200615600014", "…"),
        ("call +77011234567 now", "call +7… now"),
        ("0199aa00-1111-7222-8333-200615600014", "0199aa00-1111-7222-8333-200615600014"),
        ("2006156000145", "2006156000145"),
        ("call +996555123456 or +4930901820", "call +9… or +4…"),
        ("offset 1234567", "offset 1234567"),
    ],
)
def test_what_looks_like_a_number_of_a_person_is_masked_and_ids_are_not(said: str, kept: str) -> None:
    assert masked(event=said)["event"] == kept


def test_numbers_are_masked_wherever_they_are() -> None:
    told = masked(number=200615600014, nested={"phone": ["+77011234567"]}, reason=ValueError("200615600014"))
    assert "200615600014" not in repr(told)
    assert "+77011234567" not in repr(told)


def test_other_values_stay_as_they_are() -> None:
    event = {"event": "x", "count": 3, "seconds": 0.5, "yes": True, "none": None, "at": 1_700_000_000_000}
    assert masked(**event) == event


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged under the real configuration; the old one is put back."""
    root, out = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", out)
    configure_logging("test", "info")
    yield out
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_a_line_is_one_json_object_with_service_level_and_time(written: io.StringIO) -> None:
    structlog.get_logger().info("referral.offered", referral_id="r1")
    line = json.loads(written.getvalue())
    assert (
        line.items() >= {"event": "referral.offered", "referral_id": "r1", "service": "test", "level": "info"}.items()
    )
    assert line["timestamp"].endswith("Z")


def test_the_standard_librarys_logs_and_exceptions_are_masked_too(written: io.StringIO) -> None:
    logging.getLogger("library").warning("refused %s", "200615600014")
    try:
        raise ValueError("+77011234567")
    except ValueError:
        logging.getLogger("library").exception("failed")
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert lines[0]["event"] == "refused …"
    assert "ValueError: +7…" in lines[1]["exception"]
    assert "+77011234567" not in written.getvalue()


def test_what_is_below_the_level_is_not_written(written: io.StringIO) -> None:
    structlog.get_logger().debug("detail")
    assert written.getvalue() == ""
