"""Queries of a running network's databases, past its services."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tests.support.network import RunningNetwork


@dataclass(frozen=True, slots=True)
class RecordedReferral:
    """One referral as the record has it. `queues`: its queue entries under the attempt, while waiting."""

    id: str
    state: str
    programme_id: str | None
    attempt: int
    queues: frozenset[str] = frozenset()


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    """The rows of a statement."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]
    finally:
        engine.dispose()


def referrals(network: RunningNetwork) -> dict[str, RecordedReferral]:
    """Every referral by its id."""
    rows = query(network.plan.referral_sql_url, "SELECT id, state, programme_id, attempt FROM referrals")
    return {str(row[0]): RecordedReferral(str(row[0]), str(row[1]), _text(row[2]), int(str(row[3]))) for row in rows}


def referrals_with_queues(network: RunningNetwork) -> dict[str, RecordedReferral]:
    """As `referrals`, with their queue entries, in one snapshot."""
    statement = (
        "SELECT r.id, r.state, r.programme_id, r.attempt, q.programme_id FROM referrals r "
        "LEFT JOIN queue_entries q ON q.referral_id = r.id AND q.attempt = r.attempt AND r.state = 'waiting'"
    )
    found, queues = dict[str, tuple[object, ...]](), defaultdict[str, set[str]](set)
    for *row, queue in query(network.plan.referral_sql_url, statement):
        found[str(row[0])] = tuple(row)
        if queue is not None:
            queues[str(row[0])].add(str(queue))
    return {
        id: RecordedReferral(id, str(state), _text(programme_id), int(str(attempt)), frozenset(queues[id]))
        for id, (_, state, programme_id, attempt) in found.items()
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def unacknowledged_events(network: RunningNetwork) -> int:
    """Rows of both outboxes that Kafka has not acknowledged; -1 while a database is away."""
    pending = "SELECT count(*) FROM outbox WHERE acknowledged_at IS NULL"
    try:
        return sum(_count(url, pending) for url in (network.plan.intake_sql_url, network.plan.referral_sql_url))
    except OperationalError:
        return -1


def unrecorded_diagnoses(network: RunningNetwork) -> int:
    """Diagnoses of intake without a referral in the record."""
    return _count(network.plan.intake_sql_url, "SELECT count(*) FROM diagnosis") - len(referrals(network))


def open_offers(network: RunningNetwork) -> Counter[str]:
    """How many open offers each referral has."""
    statement = "SELECT referral_id FROM offers WHERE state IN ('made', 'seen', 'accepted')"
    return Counter(str(row[0]) for row in query(network.plan.referral_sql_url, statement))


def _count(url: str, statement: str) -> int:
    return int(str(query(url, statement)[0][0]))
