"""A kind of child: the programmes that fit it by where they take children from, and why the others fit none of it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from services.contracts.vocabulary import Catchment
from services.referral.domain.eligibility import Exclusion, unfit
from services.referral.domain.programmes import Needs, Programme

Excluded = Mapping[Exclusion, tuple[str, ...]]
"""Programmes by the reason why they are no candidates."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Common:
    """What all decisions about a kind of child have in common: every programme that a child may not go to, by id.

    Among those of the catchment are all that do not take children from everywhere: a decision names those to which its
    child may go all the same, so they are not excluded by it.
    """

    excluded: Excluded


@dataclass(frozen=True, slots=True)
class Kind:
    """Children of the same modalities, diagnoses that programmes do not tell apart, and range of ages."""

    common: Common
    taking: Mapping[str | None, tuple[Programme, ...]]
    """By region or settlement the programmes that take children from there only; by None those of the nation."""

    def serving(self, needs: Needs) -> Iterator[Programme]:
        """The programmes that fit such a child and take it from its home."""
        for place in (None, _region(needs.region_id), needs.settlement_id):
            yield from self.taking.get(place, ())


def kind_of(needs: Needs, age_months: int, programmes: Iterable[Programme]) -> Kind:
    """What `programmes`, by id, are to such children; `needs` and age are those of one of them."""
    excluded, taking = defaultdict[Exclusion, list[str]](list), defaultdict[str | None, list[Programme]](list)
    for one in programmes:
        reason = unfit(needs, age_months, one)
        if reason is None:
            taking[_place(one)].append(one)
            reason = None if one.catchment is Catchment.NATION else Exclusion.CATCHMENT
        if reason is not None:
            excluded[reason].append(one.id)
    common = Common({reason: tuple(excluded[reason]) for reason in Exclusion if reason in excluded})
    return Kind(common, {place: tuple(ones) for place, ones in taking.items()})


def _place(one: Programme) -> str | None:
    if one.catchment is Catchment.NATION:
        return None
    return _region(one.region_id) if one.catchment is Catchment.REGION else one.settlement_id


def _region(id: str) -> str:
    """Not to be taken for a settlement of the same id."""
    return f"region {id}"
