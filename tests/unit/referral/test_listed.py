"""Lists are written from plain values, as their model would write them."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import orjson

from services.kit.http.pages import Page
from services.referral.adapters.sql_lists import LISTED, shown
from services.referral.adapters.tables import ReferralRow
from services.referral.entrypoints.referral_schemas import ReferralSummary, listed, summary

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
    rows = [ReferralRow(**one) for one in (WHOLE, PART, WAITING)]
    by_model = Page[ReferralSummary](items=[summary(one) for one in rows], next="abc").model_dump_json()
    answer = listed([shown(one) for one in rows], "abc", {"X-Total-Count": "3"})
    assert orjson.loads(answer.body) == orjson.loads(by_model), "the same values, written in the same way"
    assert answer.headers["x-total-count"] == "3"
    assert answer.media_type == "application/json"
