"""Every number of the contracts is bounded: what Lua or JSON could not count exactly is refused, in both directions."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from services.contracts import claims, rebuild
from services.contracts.events import KNOWN, MalformedEvent, read_event
from services.contracts.numbers import Moment

UNCOUNTABLE = [10**14, 2**53 + 1, -(2**53), 6.4e33, 10**400, 1.5, 2.0, float("nan"), float("inf"), "3", True]


def models() -> list[type[BaseModel]]:
    found = [one for module in (claims, rebuild) for one in vars(module).values()]
    own = [one for one in found if isinstance(one, type) and issubclass(one, BaseModel) and one is not BaseModel]
    return [*own, *KNOWN.values()]


def is_whole(schema: Any) -> bool:
    """Whether a JSON schema is of a whole number, or may be."""
    return schema.get("type") == "integer" or any(map(is_whole, schema.get("anyOf", ())))


def whole_numbers() -> Iterator[tuple[str, FieldInfo]]:
    for model in models():
        schema = model.model_json_schema()["properties"]
        for name, field in model.model_fields.items():
            if is_whole(schema[name]):
                yield f"{model.__name__}.{name}", field


FIELDS = dict(whole_numbers())


def test_the_contracts_have_numbers() -> None:
    assert {"ClaimRequest.attempt", "PlaceHeldV1.held", "FigureSetV1.places", "DataVersion.sequence"} <= FIELDS.keys()


@pytest.mark.parametrize("name", FIELDS)
def test_a_number_that_cannot_be_counted_is_refused(name: str) -> None:
    field = FIELDS[name]
    kind: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
    for value in UNCOUNTABLE:
        with pytest.raises(ValidationError):
            kind.validate_python(value)
        with pytest.raises(ValidationError):
            kind.validate_json(json.dumps(value))


@pytest.mark.parametrize("value", ["1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "9999-01-01T00:00:00Z", 0, "0"])
def test_a_moment_whose_milliseconds_lua_cannot_count_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(value)


@pytest.mark.parametrize("attempt", ["6.4e33", "100000000000000", "1.0", "NaN", '"1"'])
def test_an_event_with_such_a_number_is_malformed(attempt: str) -> None:
    data = '{"referral_id":"00000000-0000-0000-0000-000000000007","programme_ids":["a"],"epoch":"1","sequence":1,'
    event = (
        '{"specversion":"1.0","id":"1","source":"/x","type":"kz.joldama.claim.withdrawn.v1","subject":"a",'
        '"time":"2026-01-01T00:00:00Z","data":' + data + f'"attempt":{attempt}}}}}'
    )
    with pytest.raises(MalformedEvent, match=r"attempt|message"):
        read_event(event.encode())
