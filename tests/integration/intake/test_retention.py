"""Retention: what is due by settings, what keeps it, and that a sweep erases as an erasure does."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import insert, select

from services.contracts.access import ReferralAccess
from services.contracts.vocabulary import ReferralState
from services.intake.adapters.tables import child_keys, children, diagnoses, transfers
from services.intake.bootstrap import Intake, bootstrap
from services.intake.handlers.retain import BATCH
from services.intake.settings import IntakeSettings
from services.kit.audit import TRAIL
from services.kit.retention import sweep_all
from services.kit.sql.lease import Lease
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.unit.intake.samples import child_body

KEEP = timedelta(days=10)
Later = Callable[..., Any]


@pytest.fixture
def later(settings: IntakeSettings, referrals: ReferralsInMemory) -> Later:
    """`async with later(days=11) as intake`: intake so much later, where children are kept for ten days."""

    @asynccontextmanager
    async def later(keep: int = KEEP.days, persons: int = 0, **time: float) -> AsyncIterator[Intake]:
        changed = settings.model_copy(update={"keep_children_days": keep, "keep_persons_days": persons})
        now = datetime.now(UTC) + timedelta(**time)
        TRAIL.set(None)  # the one of a submission in this task, whose answer brings entries of its own
        async with bootstrap(changed, now=lambda: now, referrals=referrals) as intake:
            await intake.keys.ready()
            yield intake

    return later


def close(
    referrals: ReferralsInMemory, receipt: dict[str, Any], state: ReferralState = ReferralState.COMPLETED
) -> None:
    """The referral is in that state since now."""
    id = UUID(receipt["referral_id"])
    referrals.now[id] = ReferralAccess(referral_id=id, version=3, state=state, last_act_at=datetime.now(UTC))


@pytest.fixture
async def receipt(polyclinic: httpx2.AsyncClient, referrals: ReferralsInMemory) -> dict[str, Any]:
    """A child with a note, whose referral is closed."""
    found: dict[str, Any] = (await polyclinic.post("/v1/diagnoses", json=child_body())).json()
    await polyclinic.post(f"/v1/diagnoses/{found['referral_id']}/notes", json={"text": "Айша"})
    close(referrals, found)
    return found


async def swept(intake: Intake) -> int:
    await sweep_all(intake.retaining)
    query = select(children.c.child_id).where(children.c.erased_at.is_not(None))
    return len(await intake.database.read(lambda session: session.execute(query).all()))


async def due(intake: Intake) -> int:
    return (await intake.retaining.status())[0].due


async def test_a_child_whose_referrals_are_long_over_is_erased_as_by_an_erasure(
    polyclinic: httpx2.AsyncClient, later: Later, receipt: dict[str, Any]
) -> None:
    async with later(days=9) as intake:
        assert (await due(intake), await swept(intake)) == (0, 0)
    assert (await polyclinic.get(f"/v1/children/{receipt['child_id']}")).status_code == 200
    async with later(days=11) as intake:
        assert (await due(intake), await swept(intake)) == (1, 1)
        assert (await due(intake), await swept(intake)) == (0, 1)
        keys = await intake.database.read(lambda session: session.execute(select(child_keys)).all())
        assert keys == []
        kept = (await intake.retaining.status())[0]
        assert (kept.what, kept.keep, kept.swept, kept.swept_at is None) == ("children", KEEP, 1, False)
        entries = await intake.audit_trail.entries(receipt["child_id"], 0, 100)
    last = next(one for one in entries if one["act"] == "erase_expired_child")
    assert (last["act"], last["role"], last["child_id"]) == ("erase_expired_child", "retention", receipt["child_id"])
    assert (await polyclinic.get(f"/v1/children/{receipt['child_id']}")).status_code == 404


async def test_what_is_open_or_was_touched_since_is_kept(
    polyclinic: httpx2.AsyncClient, later: Later, referrals: ReferralsInMemory, receipt: dict[str, Any]
) -> None:
    id = UUID(receipt["referral_id"])
    closed = referrals.now[id]
    for state in set(ReferralState) - {ReferralState.COMPLETED, ReferralState.CANCELLED}:
        close(referrals, receipt, state)
        async with later(days=11) as intake:
            assert (await due(intake), await swept(intake)) == (0, 0), state
    for other in (
        closed.model_copy(update={"last_act_at": datetime.now(UTC) + timedelta(days=5)}),
        closed.model_copy(update={"last_act_at": None}),
    ):
        referrals.now[id] = other
        async with later(days=11) as intake:
            assert await swept(intake) == 0, "its last act was at the referral service, or is not told"
    del referrals.now[id]
    async with later(days=11) as intake:
        assert await swept(intake) == 0, "not routed yet"
    referrals.now[id] = closed
    async with later(keep=0, days=20_000) as intake:
        assert (await due(intake), await swept(intake)) == (0, 0), "for ever"
    referrals.away = True
    async with later(days=11) as intake:
        with pytest.raises(Exception, match="away"):
            await swept(intake)
    referrals.away = False
    async with later(days=11) as intake:
        assert await swept(intake) == 1


async def test_what_happens_between_the_look_and_the_erasure_keeps_the_child(
    polyclinic: httpx2.AsyncClient, later: Later, referrals: ReferralsInMemory, receipt: dict[str, Any]
) -> None:
    child, referral = UUID(receipt["child_id"]), UUID(receipt["referral_id"])
    async with later(days=11) as intake:
        expiring, before = intake.retaining.expiring, intake.retaining.now() - KEEP
        assert await expiring.candidates(before, None, 10) == {child: [referral]}
        await polyclinic.post("/v1/diagnoses", json=child_body())  # the child comes again
        over = frozenset({referral})
        assert await expiring.expire([child], over, before, intake.retaining.now()) == 0
        earlier = datetime.now(UTC) - timedelta(days=30)
        assert await expiring.expire([child], over, earlier, intake.retaining.now()) == 0
    assert (await polyclinic.get(f"/v1/children/{child}")).status_code == 200


async def test_a_sweep_goes_on_behind_children_that_stay(
    polyclinic: httpx2.AsyncClient, later: Later, referrals: ReferralsInMemory
) -> None:
    receipts = [(await polyclinic.post("/v1/diagnoses", json=child_body(number))).json() for number in range(BATCH + 3)]
    for receipt in receipts[-2:]:
        close(referrals, receipt)
    async with later(days=11) as intake:
        assert (await due(intake), await swept(intake)) == (2, 2)


async def test_persons_of_old_decisions_are_left_out(later: Later) -> None:
    ids = [UUID(int=number) for number in range(3)]

    async with later(persons=5, days=6) as intake:

        def plant(session: Any) -> None:
            for id, who in zip(ids, ("polyclinic:p1/nurse-7", "operator:olga", "polyclinic:p1"), strict=True):
                now = round(datetime.now(UTC).timestamp() * 1000)
                session.execute(
                    insert(transfers).values(
                        transfer_id=id, referral_id=id, child_id=id, holder="p1", to_polyclinic="p2", asked_at=now,
                        answer_by=now, state="refused", decided_at=now, decided_by=who,
                    )
                )  # fmt: skip

        await intake.database.write(plant)
        assert (await intake.retaining.status())[1].due == 2
        await sweep_all(intake.retaining)
        query = select(transfers.c.decided_by).order_by(transfers.c.transfer_id)
        found = await intake.database.read(lambda session: list(session.execute(query).scalars()))
        persons = (await intake.retaining.status())[1]
    assert (found, persons.due, persons.swept) == (["polyclinic:p1", "operator", "polyclinic:p1"], 0, 2)


async def test_it_is_shown_to_operators_and_swept_by_an_administrator(client: Client, receipt: dict[str, Any]) -> None:
    items = (await client("operator").get("/v1/retention")).json()["items"]
    assert [(one["what"], one["keep_days"], one["due"]) for one in items] == [
        ("children", 9132, 0), ("persons", 1826, 0), ("idempotency keys", 30, 0),
    ]  # fmt: skip
    assert (await client("operator").post("/v1/retention/sweep")).status_code == 403
    answer = await client("admin").post("/v1/retention/sweep")
    assert answer.json() == {"swept": {"children": 0, "persons": 0}, "next": None}
    wrong = await client("admin").post("/v1/retention/sweep?cursor=WyJ4Il0")
    assert wrong.status_code == 422


async def test_one_process_has_the_lease(intake: Intake) -> None:
    from services.intake.adapters.tables import leases

    one, two = (Lease(intake.database, leases, "retention", 60_000) for _ in range(2))
    assert [await one.acquire(), await two.acquire()] == [True, False]


async def test_the_figures_stay(later: Later, receipt: dict[str, Any]) -> None:
    async with later(days=11) as intake:
        assert await swept(intake) == 1
        [row] = await intake.database.read(lambda session: session.execute(select(diagnoses)).all())
    assert (str(row.referral_id), row.sealed) == (receipt["referral_id"], b"")
