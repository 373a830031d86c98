"""What a center sees of a referral: its own attempts, and how the child fares, not where else it was offered."""

from collections.abc import Collection, Sequence

import orjson

from services.contracts.vocabulary import ReferralState
from services.referral.adapters.tables import DecisionRow, HistoryRow, OfferRow, ReferralRow
from services.referral.domain.eligibility import Exclusion

_AT_A_CENTER = frozenset({ReferralState.OFFERED, ReferralState.ACCEPTED, ReferralState.ADMITTED})
_HIDDEN = (
    "center_id",
    "programme_id",
    "deadline_at",
    "due_at",
    "admit_on",
    "admitted_at",
    "escalated_at",
    "escalation",
)


def without_place(row: ReferralRow) -> ReferralRow:
    """A copy that says how the child fares and not where: for a center whose attempt is over."""
    return ReferralRow(**row.model_dump() | dict.fromkeys(_HIDDEN))


def own_decision(decision: DecisionRow) -> DecisionRow:
    """A copy without who declined before."""
    excluded = {why: named for why, named in orjson.loads(decision.excluded).items() if why != Exclusion.DECLINED}
    return DecisionRow(**decision.model_dump() | {"excluded": orjson.dumps(excluded).decode()})


def steps_of(attempts: Collection[int], offers: Sequence[OfferRow], history: Sequence[HistoryRow]) -> list[HistoryRow]:
    """The steps of these attempts: from an offer to the step that took the child away, that one too.

    All offers by attempt and the whole history by version: the n-th step to a center made the n-th offer.
    """
    made, steps, current = iter(offers), [], None
    for step in history:
        if step.to_state == ReferralState.OFFERED != step.from_state:
            current = next(made).attempt
        if current in attempts:
            steps.append(step)
        if step.to_state not in _AT_A_CENTER:
            current = None
    return steps
