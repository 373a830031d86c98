"""Which programmes accept a child, and why the others do not."""

from collections.abc import Collection
from enum import StrEnum

from services.contracts.vocabulary import Catchment
from services.referral.domain.programmes import Needs, Programme


class Exclusion(StrEnum):
    """Why a programme is no candidate; the first that applies, in this order."""

    MODALITY = "modality"
    DIAGNOSIS = "diagnosis"
    AGE = "age"
    CATCHMENT = "catchment"
    DISTANCE = "distance"
    DECLINED = "declined"


def exclusion(
    needs: Needs, age_months: int, programme: Programme, kilometers: float, excluded_ids: Collection[str]
) -> Exclusion | None:
    """Why `programme` does not accept this child now, or None. `excluded_ids`: programmes and centers that declined,
    and centers that are passed over.

    A suspended programme accepts the child: it gives no place for now and has a queue all the same (ADR 0009).
    """
    if (reason := unfit(needs, age_months, programme)) is not None:
        return reason
    if not _within_catchment(needs, programme):
        return Exclusion.CATCHMENT
    if needs.max_distance_km is not None and kilometers > needs.max_distance_km:
        return Exclusion.DISTANCE
    return Exclusion.DECLINED if declined(programme, excluded_ids) else None


def unfit(needs: Needs, age_months: int, programme: Programme) -> Exclusion | None:
    """Why `programme` does not accept a child of these modalities, this diagnosis and age, wherever it lives."""
    if programme.modality not in needs.modalities:
        return Exclusion.MODALITY
    if not needs.icd10.startswith(programme.icd10_prefixes):
        return Exclusion.DIAGNOSIS
    return None if programme.accepts_age(age_months) else Exclusion.AGE


def declined(programme: Programme, excluded_ids: Collection[str]) -> bool:
    """Whether the programme or its center is among these."""
    return programme.id in excluded_ids or programme.center_id in excluded_ids


def _within_catchment(needs: Needs, programme: Programme) -> bool:
    if programme.catchment is Catchment.NATION:
        return True
    if programme.catchment is Catchment.REGION:
        return programme.region_id == needs.region_id
    return programme.settlement_id == needs.settlement_id
