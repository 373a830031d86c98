"""A referral as a center sees it: whole while it has the child, and then its own part and how that ended."""

from collections.abc import Collection, Sequence
from typing import Any

import orjson

from services.contracts.vocabulary import ReferralState
from services.referral.adapters.tables import DecisionRow, ReferralRow
from services.referral.domain.life import AT_A_CENTER

_KEPT = ("id", "polyclinic_id")
"""What a center goes on seeing of a referral after its part, beside its offers and their history."""


def has_now(row: Any, center_id: str | None) -> bool:
    """Whether this center has the child: an open offer, an agreed day, or a course."""
    return center_id is not None and row.center_id == center_id and row.state in AT_A_CENTER


def own_part(row: Any, entries: Sequence[Any]) -> ReferralRow:
    """What is left of a referral for a center after its part, of which `entries` are the history.

    State and version are those that its part ended in: later ones would tell what happened elsewhere, and when.
    """
    kept = {name: getattr(row, name) for name in _KEPT}
    nothing: dict[str, Any] = dict.fromkeys(ReferralRow.model_fields)
    last = entries[-1]
    return ReferralRow(**nothing | kept | {"state": last.to_state, "version": last.version})


def own_candidates(decision: Any, programmes: Collection[str]) -> DecisionRow:
    """A copy without other centers' programmes: they say where a child goes whom this one declines."""
    candidates = [one for one in orjson.loads(decision.candidates) if one[0] in programmes]
    return DecisionRow(**dict(decision._mapping) | {"candidates": orjson.dumps(candidates).decode(), "excluded": "{}"})


def entries_of(attempts: Collection[int], offers: Sequence[Any], history: Sequence[Any]) -> list[Any]:
    """The history of these attempts: from each offer to the step that took the child away, inclusive.

    Needs all offers by attempt and the whole history by version: the n-th step to a center made the n-th offer.
    """
    made, entries, current = iter(offers), [], None
    for entry in history:
        if entry.to_state == ReferralState.OFFERED != entry.from_state:
            current = next(made).attempt
        if current in attempts:
            entries.append(entry)
        if entry.to_state not in AT_A_CENTER:
            current = None
    return entries
