"""Two releases beside each other: each reads what the other writes, so that processes are replaced one at a time."""

import json

import pytest
from jsonschema import Draft202012Validator

from services.contracts.events import KNOWN, read_event
from tests.golden.previous import recorded, today

BEFORE = recorded()


@pytest.mark.parametrize("name", BEFORE)
def test_an_event_of_the_release_before_is_read_today(name: str) -> None:
    for event in BEFORE[name]["written"]:
        found = read_event(json.dumps(event).encode())
        assert found is not None, f"{name} is still known: the topics have seven days of it"
        assert type(found.data) is KNOWN[name]


@pytest.mark.parametrize("name", BEFORE)
def test_an_event_of_today_is_read_by_the_release_before(name: str) -> None:
    """What that release does not know it leaves out; what it needs is there, with values that it takes."""
    validator = Draft202012Validator(BEFORE[name]["reads"], format_checker=Draft202012Validator.FORMAT_CHECKER)
    for event in today()[name]:
        assert [f"{'/'.join(map(str, one.path))}: {one.message}" for one in validator.iter_errors(event["data"])] == []


def test_what_one_of_them_cannot_read_is_noticed() -> None:
    name = "kz.joldama.diagnosis.recorded.v1"
    [event, *_] = today()[name]
    validator = Draft202012Validator(BEFORE[name]["reads"])
    lacking = {field: value for field, value in event["data"].items() if field != "icd10"}
    assert [one.validator for one in validator.iter_errors(lacking)] == ["required"]
    assert [one.validator for one in validator.iter_errors(event["data"] | {"priority": "soon"})] == ["enum"]
