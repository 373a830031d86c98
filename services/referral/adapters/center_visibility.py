"""A referral as a center sees it: its own attempts and the state, not where else the child was offered."""

from collections.abc import Collection, Sequence

import orjson

from services.contracts.vocabulary import ReferralState
from services.referral.adapters.tables import DecisionRow, HistoryRow, OfferRow, ReferralRow
from services.referral.domain.eligibility import Exclusion

_AT_A_CENTER = frozenset({ReferralState.OFFERED, ReferralState.ACCEPTED, ReferralState.ADMITTED})
_HIDDEN = (
    "center_id", "programme_id", "deadline_at", "due_at", "admit_on", "admitted_at", "escalated_at", "escalation",
)  # fmt: skip


def without_place(row: ReferralRow) -> ReferralRow:
    """A copy with the state and without the place, for a center whose attempt has ended."""
    return ReferralRow(**row.model_dump() | dict.fromkeys(_HIDDEN))


def without_declines(decision: DecisionRow) -> DecisionRow:
    """A copy without the programmes that declined before."""
    excluded = {why: named for why, named in orjson.loads(decision.excluded).items() if why != Exclusion.DECLINED}
    return DecisionRow(**decision.model_dump() | {"excluded": orjson.dumps(excluded).decode()})


def entries_of(
    attempts: Collection[int], offers: Sequence[OfferRow], history: Sequence[HistoryRow]
) -> list[HistoryRow]:
    """The history of these attempts: from each offer to the step that took the child away, inclusive.

    Needs all offers by attempt and the whole history by version: the n-th step to a center made the n-th offer.
    """
    made, entries, current = iter(offers), [], None
    for entry in history:
        if entry.to_state == ReferralState.OFFERED != entry.from_state:
            current = next(made).attempt
        if current in attempts:
            entries.append(entry)
        if entry.to_state not in _AT_A_CENTER:
            current = None
    return entries
