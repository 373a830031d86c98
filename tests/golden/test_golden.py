"""The golden files pin the events: whoever reads or writes them today does so tomorrow."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from services.contracts import events, topics
from services.contracts.events import MalformedEvent, read_event, write_event
from services.kit.settings import CHECKOUT
from tests.golden.samples import AT, DIAGNOSIS, SAMPLES

FOLDER = Path(__file__).parent
SOURCE = "/joldama/golden"


def written(name: str) -> bytes:
    return write_event(SAMPLES[name], event_id=f"golden-{name.partition('/')[2]}", source=SOURCE, time=AT)


def golden(name: str = "diagnoses/diagnosis_recorded") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_an_event_is_written_as_its_golden_file_says(name: str) -> None:
    assert json.loads(written(name)) == golden(name)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_golden_file_is_read_as_the_event_it_is(name: str) -> None:
    found = read_event((FOLDER / f"{name}.json").read_bytes())
    assert found
    assert found.data == SAMPLES[name]
    assert (found.envelope.id, found.envelope.subject) == (f"golden-{name.partition('/')[2]}", SAMPLES[name].key)


def test_every_type_of_the_referral_service_has_its_golden_file() -> None:
    others = {
        events.CenterRegisteredV1,
        events.FigureSetV1,
        events.DiagnosisRecordedV1,
        events.DiagnosisCorrectedV1,
        events.ChildrenJoinedV1,
        events.ConsentWithdrawnV1,
    }
    kinds = {*events.ReferralEvent.__subclasses__(), *others}
    assert {type(one) for one in SAMPLES.values()} == kinds
    assert {str(one.relative_to(FOLDER).with_suffix("")) for one in FOLDER.glob("*/*.json")} >= set(SAMPLES)


def test_every_event_goes_to_the_topic_of_its_context_and_what_the_worker_reacts_to_also_to_its_own() -> None:
    to_worker = {
        events.OfferDeclinedV1, events.OfferExpiredV1, events.ReferralAdmittedV1, events.ReferralNoShowV1,
        events.ReferralResubmittedV1, events.ReferralCompletedV1, events.ReferralCancelledV1,
        events.CenterRegisteredV1, events.FigureSetV1,
    }  # fmt: skip
    for kind in events.KNOWN.values():
        if issubclass(kind, events.DiagnosisRecordedV1 | events.ChildrenJoinedV1 | events.ConsentWithdrawnV1):
            assert kind.TOPICS == ("diagnoses.v1",)
        elif kind is events.PlaceHandedOverV1:
            assert kind.TOPICS == ("capacity.v1", "handovers.v1")
        elif issubclass(kind, events.CapacityEvent | events.ClaimQueuedV1 | events.ClaimWithdrawnV1):
            assert kind.TOPICS == ("capacity.v1",)
        else:
            assert kind.TOPICS == (("referrals.v1", "routing.v1") if kind in to_worker else ("referrals.v1",)), kind
    assert topics.WORKER == ("diagnoses.v1", "routing.v1", "handovers.v1")


def test_every_topic_of_an_event_is_made_at_deployment() -> None:
    named = {topic for kind in events.KNOWN.values() for topic in kind.TOPICS}
    made = tomllib.loads((CHECKOUT / "deploy" / "topics.toml").read_text())["topics"]
    assert named == set(topics.ALL)
    assert named <= set(made)
    assert len({made[topic]["partitions"] for topic in named}) == 1


def test_fields_that_a_producer_adds_are_ignored() -> None:
    event = golden() | {"partitionkey": "x"}
    event["data"]["blood_group"] = "0"
    found = read_event(json.dumps(event).encode())
    assert found
    assert found.data == DIAGNOSIS


def test_fields_that_may_be_left_out_may_be_left_out() -> None:
    event = golden()
    optional = ("gmfcs", "max_distance_km", "birth_day", "submitted_by")
    for name in optional:
        del event["data"][name]
    found = read_event(json.dumps(event).encode())
    assert found
    assert found.data == DIAGNOSIS.model_copy(update=dict.fromkeys(optional))


def test_a_type_that_is_not_known_here_is_nothing() -> None:
    assert read_event(json.dumps(golden() | {"type": "kz.joldama.diagnosis.recorded.v2", "data": {}}).encode()) is None


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in golden().items() if key != name}).encode()


def with_data(**changes: Any) -> bytes:
    event = golden()
    event["data"] |= changes
    return json.dumps(event).encode()


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (None, "empty message"),
        (b"", "message"),
        (b"hello", "message"),
        (b"[]", "message"),
        (b"\xff\xfe", "message"),
        (without("id"), "id"),
        (without("type"), "type"),
        (without("data"), "data"),
        (json.dumps(golden() | {"specversion": "0.3"}).encode(), "specversion"),
        (json.dumps(golden() | {"time": "2026-11-20T06:30:00"}).encode(), "time"),
        (with_data(referral_id="first"), "referral_id"),
        (with_data(age_months="old"), "age_months"),
        (with_data(priority="soon"), "priority"),
        (with_data(modalities=["inpatient", "spa"]), "modalities.1"),
        (with_data(submitted_at=None), "submitted_at"),
        (with_data(submitted_by="x" * 121), "submitted_by"),
    ],
)
def test_what_is_no_event_of_ours_is_refused_by_its_field_and_never_by_its_value(raw: bytes | None, field: str) -> None:
    with pytest.raises(MalformedEvent) as refused:
        read_event(raw)
    assert str(refused.value).startswith(field)
    assert not any(value in str(refused.value) for value in ("hello", "first", "soon", "2026-11-20T"))


def test_no_event_has_a_field_for_a_persons_data() -> None:
    forbidden = {"iin", "full_name", "name", "phone", "birth_date", "guardian", "note"}
    for kind in events.KNOWN.values():
        assert forbidden.isdisjoint(kind.model_fields), kind
