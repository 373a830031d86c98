"""The check that nobody is overtaken: for each place given, who waited for one like it with an earlier rank."""

from collections.abc import Iterable, Mapping

from services.contracts.events import PlaceHandedOverV1, PlaceHeldV1
from tests.integration.referral.snapshots import CapacitySnapshot, RecordedReferral

Accepting = Mapping[int, frozenset[str]]
"""By referral that certainly waits, the programmes that accept it: nothing about it or them is under way."""


def check_nobody_overtaken(
    given: Iterable[object],
    before: Accepting,
    after: Accepting,
    capacity: CapacitySnapshot,
    record: Mapping[int, RecordedReferral],
) -> int:
    """At each place given, nobody who waited before and after it for such a place has an earlier rank.

    How many places were given while somebody else was certainly waiting for one.
    """
    judged = 0
    for one in given:
        if not isinstance(one, PlaceHandedOverV1 | PlaceHeldV1) or one.referral_id is None:
            continue
        if isinstance(one, PlaceHeldV1) and one.kept:
            continue
        number, programme_id = one.referral_id.int, one.programme_id
        waited = [n for n in before.keys() & after.keys() - {number} if programme_id in before[n] & after[n]]
        waited = [n for n in waited if n in capacity.claims and capacity.claims[n].state == "waiting"]
        claim = capacity.claims.get(number)
        rank = record[number].row.rank if number in record else claim and claim.rank
        if rank is None:
            continue
        judged += bool(waited)
        overtaken = [n for n in waited if (record[n].row.rank, n) < (rank, number)]
        assert not overtaken, f"{number} was given a place of {programme_id}, which accepts {overtaken} of earlier rank"
    return judged
