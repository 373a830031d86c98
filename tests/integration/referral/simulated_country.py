"""The children, programmes and centers of the simulation."""

from typing import Any

from services.contracts import topics

CHILDREN: tuple[dict[str, Any], ...] = (
    {},
    {"priority": "high"},
    {"priority": "urgent", "age_months": 9, "birth_day": 31},
    {"modalities": ("day_stay", "inpatient")},
    {"modalities": ("inpatient",), "icd10": "F84.0", "priority": "urgent"},
    {"max_distance_km": 200.0, "age_months": 35, "birth_day": 3},
    {"settlement_id": "far", "modalities": ("inpatient", "day_stay")},
    {"settlement_id": "near", "age_months": 120},
)
KINDS: dict[str, dict[str, Any]] = {
    "all": {"icd10_prefixes": ["G80", "F84"]},
    "babies": {"age_under_months": 36},
    "beds": {"modality": "inpatient", "icd10_prefixes": ["F84", "G80"]},
    "region": {"catchment": "region"},
    "town": {"catchment": "settlement", "age_from_months": 36},
}
CENTERS = {"c0": "near", "c1": "far", "c2": "home", "c3": "near"}
TOPICS = topics.WORKER
VARIANTS: tuple[dict[str, Any], ...] = (
    {}, {"icd10_prefixes": ["F84"]}, {}, {"age_under_months": 50}, {"modality": "outpatient"},
)  # fmt: skip
"""What a center may change of a programme: it accepts others then, and some who wait no longer."""
WHOLE_CENTER = {"family_refused", "unreachable", "temporarily_closed"}
