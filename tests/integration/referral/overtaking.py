"""Nobody is overtaken from outside a queue either: who waits and is accepted, by the oracle, is to stand in it."""

from collections.abc import Iterable, Mapping

from services.contracts.events import PlaceHandedOverV1, PlaceHeldV1
from services.contracts.vocabulary import ReferralState
from tests.integration.referral.both_sides import Kept, Recorded

S = ReferralState
Welcome = Mapping[int, frozenset[str]]
"""By referral that certainly waits, the programmes that accept it: nothing about it or them is under way."""


def looked_at_again(one: Recorded) -> bool:
    """With the router after a review: no offer was made of its attempt, and its turn is still its own."""
    offered = {offer.attempt for offer in one.offers}
    return one.state is S.SUBMITTED and bool(one.candidates) and one.row.attempt not in offered


def check_nobody_passed_over(
    steps: Iterable[object], before: Welcome, after: Welcome, kept: Kept, record: Mapping[int, Recorded]
) -> int:
    """At each place given, nobody who waited before and after it for such a place has an earlier turn.

    How many places were given while somebody else was certainly waiting for one.
    """
    judged = 0
    for one in steps:
        if not isinstance(one, PlaceHandedOverV1 | PlaceHeldV1) or one.referral_id is None:
            continue
        if isinstance(one, PlaceHeldV1) and one.kept:
            continue
        who, where = one.referral_id.int, one.programme_id
        waited = [n for n in before.keys() & after.keys() - {who} if where in before[n] & after[n]]
        waited = [n for n in waited if n in kept.claims and kept.claims[n].state == "waiting"]
        rank = record[who].row.rank if who in record else kept.claims[who].rank if who in kept.claims else None
        if rank is None:
            continue
        judged += bool(waited)
        passed = [n for n in waited if (record[n].row.rank, n) < (rank, who)]
        assert not passed, f"{who} was given a place of {where}, where {passed} with earlier turns are accepted"
    return judged
