"""Bringing the referral database to the newest tables, also one with referrals in it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, bindparam, insert, select, text

from services.contracts.vocabulary import OfferState, ReferralState
from services.kit.sql.columns import Instant
from services.kit.sql.database import Database
from services.kit.versions import ANYTHING
from services.referral.adapters.history import HISTORY
from services.referral.adapters.rows import offer_values, referral_values
from services.referral.adapters.sql_deadlines import SqlDeadlines
from services.referral.adapters.sql_queues import SqlQueues
from services.referral.adapters.sql_referrals import SqlReferrals
from services.referral.adapters.sql_registry import SqlRegistry
from services.referral.adapters.tables import OfferRow, ReferralRow, metadata, outbox, table
from services.referral.domain.life import OPEN
from services.referral.domain.referral import Offer
from services.referral.handlers.sweep import Sweep
from tests.unit.referral.samples import NOW, SETTLEMENTS, referral

S = ReferralState
NEW = (
    "due_at",
    "admit_on",
    "admitted_at",
    "escalated_at",
    "escalation",
    "changed_at",
    "diagnosis_version",
    "birth_day",
    "submitted_by",
    "number",
)


def test_the_history_ends_at_the_revision_that_the_code_needs() -> None:
    config = Config()
    config.set_main_option("script_location", str(HISTORY.folder))
    assert ScriptDirectory.from_config(config).get_heads() == [HISTORY.head]


def test_a_migrated_database_has_the_tables_of_the_code(new_database: Callable[[str], str]) -> None:
    url = new_database("referral")
    assert HISTORY.migrate(url) == HISTORY.head
    database = Database(url)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.engine.dispose()


async def test_referrals_of_the_first_tables_have_their_deadlines_afterwards(
    new_database: Callable[[str], str],
) -> None:
    url = new_database("referral")
    replace(HISTORY, head="0001").migrate(url)
    database = Database(url)
    with database.engine.begin() as connection:
        for number, state in enumerate(OPEN, 1):
            _insert(connection, number, state)
    HISTORY.migrate(url)
    deadlines = SqlDeadlines(database)
    assert await deadlines.lost() == []
    registry = SqlRegistry(database, SETTLEMENTS, lambda: NOW)
    sweep = Sweep(SqlReferrals(database), deadlines, SqlQueues(database), registry)
    assert await sweep(NOW - timedelta(seconds=1)) == {}
    assert sum((await sweep(NOW) or {}).values()) == len(OPEN)
    assert await deadlines.lost() == []
    await database.close()


async def test_figures_queues_and_unprocessed_events_of_the_tables_before_are_those_of_the_new(
    new_database: Callable[[str], str],
) -> None:
    """1 waits in two queues, 2 was declined and is with the router, 3 has an offer, 4 was declined and waits."""
    url = new_database("referral")
    replace(HISTORY, head="0004").migrate(url)
    database = Database(url)
    with database.engine.begin() as connection:
        _insert_programmes(connection)
        for number, state, attempt in ((1, S.WAITING, 1), (2, S.SUBMITTED, 1), (3, S.OFFERED, 1), (4, S.WAITING, 2)):
            _insert(connection, number, state, attempt=attempt)
            for one in range(1, attempt + 1):
                _insert_decision(connection, number, one)
            connection.execute(_EVENT, {"id": f"e{number}", "key": str(UUID(int=number))})
        connection.execute(_EVENT, {"id": "center", "key": "near"})
    HISTORY.migrate(url)

    registry, queues = SqlRegistry(database, SETTLEMENTS, lambda: NOW), SqlQueues(database)
    network = await registry.network()
    figures = {id: (one.places, one.suspended, one.confirmed_at, one.version) for id, one in network.figures.items()}
    assert figures == {"near": (3, False, NOW, 1), "far": (0, True, NOW, 1)}
    after = await registry.set_figure("near", "near", 4, None, "center:near", ANYTHING)
    assert (after.version, (await registry.network()).figures["near"].places) == (2, 4)
    assert await queues.entries([UUID(int=number) for number in (1, 2, 3, 4)]) == {
        UUID(int=1): {"near", "far"}, UUID(int=4): {"near", "far"},
    }  # fmt: skip
    rows = outbox.rows
    waiting = select(rows.c.event_id).where(rows.c.topic == "routing.v1", rows.c.acknowledged_at.is_(None))
    pending = await database.read(lambda session: list(session.execute(waiting.order_by(rows.c.sequence)).scalars()))
    assert pending[:2] == ["e2", "center"]
    await database.close()


async def test_an_expiry_of_the_tables_before_passes_a_center_over_for_the_rest_of_14_days(
    new_database: Callable[[str], str],
) -> None:
    """1 and 2 wait after an expiry, 3 has another offer after one."""
    url = new_database("referral")
    replace(HISTORY, head="0005").migrate(url)
    database = Database(url)
    today = datetime.now(UTC).replace(microsecond=0)
    later, recently, long_ago = today + timedelta(days=9), today - timedelta(days=4), today - timedelta(days=15)
    with database.engine.begin() as connection:
        for number, state, ended in ((1, S.WAITING, recently), (2, S.WAITING, long_ago), (3, S.OFFERED, recently)):
            _insert(connection, number, state, attempt=2, due_at=later)
            expired = Offer(UUID(int=number), 1, "c", "p", 1.0, OfferState.EXPIRED, NOW, NOW, answered_at=ended)
            values = {name: value for name, value in offer_values(expired).items() if name != "passed_over_until"}
            connection.execute(insert(table(OfferRow)).values(values))
    HISTORY.migrate(url)
    loaded = (await SqlReferrals(database).load_batch("", (), [UUID(int=n) for n in (1, 2, 3)])).referrals
    by_number = {id.int: one for id, one in loaded.items()}
    until = {number: one.offers[0].passed_over_until for number, one in by_number.items()}
    assert until == {1: recently + timedelta(days=14), 2: None, 3: recently + timedelta(days=14)}
    due = {number for number, one in by_number.items() if one.referral.due_at and one.referral.due_at < later}
    assert due == {1, 2}, "they are reviewed"
    await database.close()


_NOW = bindparam("now", type_=Instant)
_EVENT = text(
    "INSERT INTO outbox (event_id, topic, key, payload, recorded_at, acknowledged_at)"
    " VALUES (:id, 'referrals.v1', :key, 'x', 1, 1)"
)


def _insert_programmes(connection: Connection) -> None:
    connection.execute(text("INSERT INTO registry_version VALUES (1, 7)"))
    for id, places, suspended in (("near", 3, False), ("far", 0, True)):
        values = {"id": id, "places": places, "suspended": suspended, "now": NOW}
        connection.execute(text(f"INSERT INTO centers VALUES ('{id}', 'KZ-10', 'near', 'a', 'b', 'c', 44, 70, 1)"))
        connection.execute(
            text(
                "INSERT INTO programmes (id, center_id, modality, age_from_months, age_under_months, icd10_prefixes,"
                " catchment, places, course_days, suspended, confirmed_at)"
                " VALUES (:id, :id, 'day_stay', 0, 216, 'G80', 'nation', :places, 21, :suspended, :now)"
            ).bindparams(_NOW),
            values,
        )


def _insert_decision(connection: Connection, number: int, attempt: int) -> None:
    connection.execute(
        text("INSERT INTO decisions VALUES (:id, :attempt, :now, 7, :candidates, '{}')").bindparams(_NOW),
        {
            "id": str(UUID(int=number)), "attempt": attempt, "now": NOW,
            "candidates": '[["near", 1.5, 0], ["far", 9.0, null]]',
        },
    )  # fmt: skip
    if number == 2 or (number, attempt) == (3, 1) or (number, attempt) == (4, 1):
        connection.execute(
            text(
                "INSERT INTO offers (referral_id, attempt, center_id, programme_id, kilometers, state, made_at,"
                " answer_by) VALUES (:id, :attempt, 'near', 'near', 1.5, 'declined', :now, :now)"
            ).bindparams(_NOW),
            {"id": str(UUID(int=number)), "attempt": attempt, "now": NOW},
        )


def _insert(
    connection: Connection, number: int, state: ReferralState, attempt: int = 1, due_at: datetime | None = None
) -> None:
    one = replace(referral(number), state=state, version=3, attempt=attempt, center_id="c", deadline_at=NOW)
    values = {name: value for name, value in referral_values(one).items() if name not in NEW}
    values |= {"due_at": due_at} if due_at else {}
    columns = [table(ReferralRow).c[name] for name in values]
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    statement = text(f"INSERT INTO referrals ({names}) VALUES ({marks})")
    processors = {one.name: one.type.bind_processor(connection.dialect) for one in columns}
    connection.execute(
        statement, {name: (processors[name] or (lambda same: same))(value) for name, value in values.items()}
    )
