"""The steps of referrals as they are committed, each once, for the console."""

import asyncio
from collections.abc import Sequence
from time import time

from sqlalchemy import insert

from services.contracts.changes import Change
from services.kit.errors import TransientError
from services.kit.loops import background
from services.kit.sql.database import Database
from services.referral.adapters.sql_changes import SqlChanges
from services.referral.adapters.tables import outbox
from services.referral.handlers.follow_changes import FollowChanges
from tests.integration.referral.conftest import Client
from tests.integration.referral.country import Country


async def write(database: Database, *sequences: int) -> None:
    """Outbox rows of these numbers, each a step of the referral of that name."""
    rows = [
        {
            "sequence": one, "event_id": str(one), "topic": "referrals.v1", "key": str(one), "recorded_at": 1,
            "payload": b'{"data":%s}' % Change(referral_id=str(one), polyclinic_id="p").model_dump_json().encode(),
        }
        for one in sequences
    ]  # fmt: skip
    await database.write(lambda session: session.execute(insert(outbox.rows), rows))


def ids(changes: Sequence[Change]) -> list[str]:
    return [one.referral_id for one in changes]


async def test_nothing_of_before_is_told_and_each_step_once(country: Country) -> None:
    database, changes = country.service.database, SqlChanges(country.service.database)
    await write(database, 1000)
    await changes.begin()
    await write(database, 1001, 1002)
    assert [ids(await changes.next()), ids(await changes.next())] == [["1001", "1002"], []]


async def test_a_step_that_is_committed_after_a_later_one_is_told_too(country: Country) -> None:
    database, changes = country.service.database, SqlChanges(country.service.database)
    await write(database, 1000)
    await changes.begin()
    await write(database, 1003)
    assert ids(await changes.next()) == ["1003"]
    await write(database, 1001)
    assert [ids(await changes.next()), ids(await changes.next())] == [["1001"], []]


async def test_a_step_names_its_polyclinic_and_the_center_that_it_is_about(offered: Country) -> None:
    changes = FollowChanges(SqlChanges(offered.service.database), every=0.01)
    async with background(changes.run()):
        follower = changes.follow()
        assert await anext(follower) is None, "from now on nothing is missed"
        story = await offered.story(1)
        await offered.decline(1)
        declined = await anext(follower)
        await follower.aclose()
    assert declined == Change(referral_id=str(story.id), polyclinic_id="p1", center_id="near")


class Away:
    """A record that cannot be read."""

    async def begin(self) -> None:
        raise TransientError("away")

    async def next(self) -> Sequence[Change]:
        raise TransientError("away")


async def test_who_waits_for_a_record_that_is_away_waits_until_the_token_s_end_and_no_longer() -> None:
    changes = FollowChanges(Away(), every=0.01, beat=0.01)
    async with background(changes.run()), asyncio.timeout(20):
        told = [one async for one in changes.follow(time() + 0.1)]
    assert told == [], "a sign of life would say that nothing is missed"


async def test_who_waits_for_a_record_that_is_away_is_ended_when_the_process_stops() -> None:
    changes = FollowChanges(Away(), every=0.01)
    async with background(changes.run()), asyncio.timeout(20):
        first = asyncio.create_task(anext(changes.follow(), "ended"))
        await asyncio.sleep(0)
        changes.close()
        assert await first == "ended"


async def test_nobody_but_the_console_follows_changes(client: Client) -> None:
    roles = (
        "polyclinic",
        "center",
        "operator",
        "admin",
        "intake-api",
        "referral-api",
        "referral-worker",
        "capacity-api",
    )
    answers = [await client(role, org="c1").get("/v1/changes") for role in roles]
    assert {one.status_code for one in answers} == {403}
