"""The consent to a referral: what is recorded, what is refused, and what a withdrawal does."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from services.contracts.days import day_of
from services.contracts.events import ConsentWithdrawnV1, read_event
from services.contracts.vocabulary import ReferralState
from services.intake.adapters.tables import outbox
from services.intake.bootstrap import Intake, utc_now
from services.intake.entrypoints.api import create_api
from services.intake.settings import IntakeSettings
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.unit.intake.samples import child_body

TODAY = day_of(utc_now())
CONSENT = {"text_version": "2026-1", "language": "kk", "given_on": str(TODAY)}


def with_consent(**changes: Any) -> dict[str, Any]:
    return child_body() | {"consent": CONSENT | changes}


async def submit(client: httpx2.AsyncClient, what: dict[str, Any]) -> httpx2.Response:
    return await client.post("/v1/diagnoses", json=what)


async def test_what_was_consented_to_is_in_the_record(polyclinic: httpx2.AsyncClient) -> None:
    receipt = (await submit(polyclinic, with_consent(language="Қазақша", given_on=f"{TODAY:%d.%m.%Y}"))).json()
    found = await polyclinic.get(f"/v1/diagnoses/{receipt['referral_id']}")
    assert found.json()["consent"] == CONSENT


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"given_on": str(TODAY + timedelta(days=1))}, "consent.given_on", "consent_in_future"),
        ({"language": "de"}, "consent.language", "enum"),
        ({"text_version": "a b"}, "consent.text_version", "string_pattern_mismatch"),
        ({"text_version": ""}, "consent.text_version", "missing"),
        ({"given_on": "yesterday"}, "consent.given_on", "date_form"),
    ],
)
async def test_a_wrong_consent_is_refused_by_its_field(
    polyclinic: httpx2.AsyncClient, changes: dict[str, Any], field: str, code: str
) -> None:
    answer = await submit(polyclinic, with_consent(**changes))
    assert (answer.status_code, [(one["field"], one["code"]) for one in answer.json()["errors"]]) == (
        422, [(field, code)]
    )  # fmt: skip


async def test_a_csv_has_columns_for_it(polyclinic: httpx2.AsyncClient) -> None:
    child, guardian = child_body()["child"], child_body()["guardian"]
    row = {
        "iin": child["iin"], "full_name": child["full_name"], "birth_date": child["birth_date"], "sex": child["sex"],
        "guardian_name": guardian["full_name"], "guardian_phone": guardian["phone"], "icd10": "G80.1",
        "settlement_id": "almaty", "modalities": "day_stay", "consent_text_version": "2026-1",
        "consent_language": "ru", "consent_given_on": f"{TODAY:%d.%m.%Y}",
    }  # fmt: skip
    content = "\n".join([",".join(row), ",".join(row.values())]).encode()
    answer = await polyclinic.post("/v1/diagnoses/bulk", content=content, headers={"Content-Type": "text/csv"})
    found = await polyclinic.get(f"/v1/diagnoses/{answer.json()['referral_id']}")
    assert found.json()["consent"] == CONSENT | {"language": "ru"}


@pytest.fixture
async def withdrawn(polyclinic: httpx2.AsyncClient) -> dict[str, Any]:
    """A receipt, after whose submission the consent was withdrawn."""
    receipt: dict[str, Any] = (await submit(polyclinic, with_consent())).json()
    answer = await polyclinic.post(f"/v1/children/{receipt['child_id']}/withdraw-consent")
    assert answer.status_code == 200, answer.text
    assert answer.json()["referral_ids"] == [receipt["referral_id"]]
    return receipt


async def test_a_withdrawal_is_an_event_once(
    intake: Intake, polyclinic: httpx2.AsyncClient, withdrawn: dict[str, Any]
) -> None:
    again = await polyclinic.post(f"/v1/children/{withdrawn['child_id']}/withdraw-consent")
    assert (again.status_code, again.json()["referral_ids"]) == (200, [withdrawn["referral_id"]])
    rows = await intake.database.read(lambda s: s.execute(select(outbox.rows.c.payload)).scalars().all())
    found = [one.data for raw in rows if (one := read_event(raw)) and isinstance(one.data, ConsentWithdrawnV1)]
    assert [str(one.referral_id) for one in found] == [withdrawn["referral_id"]]


async def test_no_center_reads_the_child_from_then_on(
    client: Client, referrals: ReferralsInMemory, polyclinic: httpx2.AsyncClient, withdrawn: dict[str, Any]
) -> None:
    referrals.set(withdrawn, ReferralState.OFFERED, "center-1")
    center = client("center", "center-1")
    assert (await center.get(f"/v1/children/{withdrawn['child_id']}")).status_code == 404
    own = await polyclinic.get(f"/v1/diagnoses/{withdrawn['referral_id']}")
    assert own.json()["consent_withdrawn_at"]


async def test_a_stranger_withdraws_nothing(client: Client, polyclinic: httpx2.AsyncClient) -> None:
    receipt = (await submit(polyclinic, with_consent())).json()
    stranger = client("polyclinic", "polyclinic-2")
    answer = await stranger.post(f"/v1/children/{receipt['child_id']}/withdraw-consent")
    assert answer.status_code == 404
    own = await polyclinic.get(f"/v1/diagnoses/{receipt['referral_id']}")
    assert own.json().get("consent_withdrawn_at") is None


async def test_where_it_is_needed_a_submission_without_one_is_refused_and_old_ones_are_corrected(
    settings: IntakeSettings, referrals: ReferralsInMemory, token: Callable[..., str]
) -> None:
    headers = {"Authorization": f"Bearer {token('polyclinic', 'p1')}"}
    async with asking(settings, referrals, headers, needed=False) as api:
        receipt = (await submit(api, child_body())).json()
    async with asking(settings, referrals, headers, needed=True) as api:
        refused = await submit(api, child_body(1))
        taken = await submit(api, with_consent() | {"child": child_body(2)["child"]})
        corrected = await api.patch(f"/v1/diagnoses/{receipt['referral_id']}", json={"diagnosis": {"gmfcs": "IV"}})
        removed = await api.patch(f"/v1/diagnoses/{taken.json()['referral_id']}", json={"consent": None})
    assert [(one["field"], one["code"]) for one in refused.json()["errors"]] == [("consent", "consent_missing")]
    assert (taken.status_code, corrected.status_code, removed.status_code) == (201, 200, 422)


@asynccontextmanager
async def asking(
    settings: IntakeSettings, referrals: ReferralsInMemory, headers: dict[str, str], *, needed: bool
) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_api(settings.model_copy(update={"consent_required": needed}), referrals).inside
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://intake", headers=headers) as client,
    ):
        yield client
