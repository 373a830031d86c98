"""Lists and stories are written from plain values, as their model would write them."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import orjson

from services.contracts.authority import Visibility
from services.kit.http.pages import Page
from services.referral.adapters.sql_directory import Directory
from services.referral.adapters.sql_lists import LISTED, shown
from services.referral.adapters.sql_stories import Story
from services.referral.adapters.tables import (
    CenterRow,
    DecisionRow,
    HistoryRow,
    OfferRow,
    ProgrammeRow,
    QueueEntryRow,
    ReferralRow,
)
from services.referral.domain.forecast import outlook
from services.referral.entrypoints.referral_schemas import ReferralStory, ReferralSummary, listed, told
from services.referral.handlers.forecast_places import Forecast, QueueForecast
from services.referral.ports import Supply

AT = datetime(2026, 11, 28, 9, 30, 15, 123_000, tzinfo=UTC)
WHOLE: dict[str, Any] = {
    "id": str(uuid4()), "polyclinic_id": "p1", "state": "offered", "version": 3, "child_id": str(uuid4()), "attempt": 2,
    "priority": "urgent", "submitted_at": AT, "settlement_id": "s1", "region_id": "KZ-75", "icd10": "G80.1",
    "gmfcs": "II", "age_months": 30, "modalities": "inpatient;day_stay", "max_distance_km": 120.0, "center_id": "c1",
    "programme_id": "c1-inpatient", "deadline_at": AT.replace(microsecond=0), "admit_on": date(2026, 12, 1),
    "admitted_at": AT, "escalated_at": AT, "escalation": "waiting_long", "changed_at": AT, "rank": 1,
}  # fmt: skip
PART = dict.fromkeys(WHOLE) | {"id": str(uuid4()), "polyclinic_id": "p1", "state": "offered", "version": 2}
WAITING = WHOLE | {"state": "waiting", "center_id": None, "programme_id": None, "max_distance_km": None}


def test_a_list_has_what_its_model_has() -> None:
    assert {*LISTED, "owner"} == set(ReferralSummary.model_fields), "a column that a list shows is a field, and back"


def test_a_list_is_written_as_by_its_model() -> None:
    answer = listed([shown(ReferralRow(**one)) for one in (WHOLE, PART, WAITING)], "abc", {"X-Total-Count": "3"})
    by_model = Page[ReferralSummary].model_validate_json(bytes(answer.body)).model_dump_json()
    assert orjson.loads(answer.body) == orjson.loads(by_model), "the same values, written in the same way"
    whole, part, waiting = orjson.loads(answer.body)["items"]
    assert (whole["modalities"], whole["owner"], waiting["owner"]) == (
        ["inpatient", "day_stay"],
        "center:c1",
        "network",
    )
    assert (part["modalities"], part["owner"]) == ([], None), "what is left for a center names nobody"
    assert answer.headers["x-total-count"] == "3"
    assert answer.media_type == "application/json"


def waiting_story() -> Story:
    """Of a child who waits after an offer that was declined, with every column of a row filled in somewhere."""
    id, center = WHOLE["id"], CenterRow(
        id="c1", region_id="KZ-75", settlement_id="s1", name_kk="К", name_ru="Ц", name_en="Center", latitude=43.0,
        longitude=77.0, phone="+7 727 1234567", address="Street 1", version=1,
    )  # fmt: skip
    programme = ProgrammeRow(
        id="c1-inpatient", center_id="c1", modality="inpatient", age_from_months=0, age_under_months=216,
        icd10_prefixes="G80", catchment="nation", course_days=21,
    )  # fmt: skip
    offer = OfferRow(
        referral_id=id, attempt=1, center_id="c1", programme_id="c1-inpatient", kilometers=3.5, state="declined",
        made_at=AT, answer_by=AT, reason="no_capacity", seen_at=AT, answered_at=AT,
        passed_over_until=None,
    )  # fmt: skip
    decision = DecisionRow(
        referral_id=id, attempt=2, at=AT, registry_version=1, candidates='[["c1-inpatient",3.5,0,null,true]]',
        excluded='{"age":["c2"]}', common=None,
    )  # fmt: skip
    history = HistoryRow(
        referral_id=id, version=1, at=AT, actor="center:c1/ab12", command="decline", from_state="offered",
        to_state="submitted", reason="no_capacity", note_id=str(uuid4()), note=None, detail=None,
    )  # fmt: skip
    queue = QueueEntryRow(referral_id=id, attempt=2, programme_id="c1-inpatient", since=AT, reason="decided")
    directory = Directory(1, {"c1": center}, {"c1-inpatient": programme}, {})
    return Story(
        WHOLE["child_id"], SimpleNamespace(**WAITING), [offer], decision, [queue], [history], directory
    )  # fmt: skip


def test_a_story_is_written_as_by_its_model() -> None:
    supply = Supply("c1-inpatient", "c1", "Center", "KZ-75", "inpatient", 2, 21, False, AT)  # type: ignore[arg-type]
    queues = (QueueForecast(supply, outlook(2, 21, False, (), AT.date()), 3, 9),)
    answer = told(waiting_story(), ["cancel"], Visibility(everything=True), Forecast(queues))
    found, by_model = orjson.loads(answer.body), ReferralStory.model_validate_json(bytes(answer.body)).model_dump_json()
    assert found == orjson.loads(by_model), "the same fields and values, written in the same way"
    assert found["decision"]["candidates"][0]["chosen"] is False, "the offer was of the attempt before"
    assert found["forecast"]["queues"][0]["next_free"] == [{"on": "2026-11-28", "places": 2}]
    assert answer.headers["etag"] == '"3"'
