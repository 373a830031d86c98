"""A country with one center that takes every child, by the public routes, and a child for it."""

from typing import Any

import httpx2

from tests.support.children import submissions

CENTER, PROGRAMME = "near", "near-in"


def register_center(referral: str, token: str) -> None:
    """Register the center, with 50 places, at the referral service with this URL as the operator with this token."""
    programme = {
        "id": PROGRAMME, "modality": "inpatient", "age_from_months": 0, "age_under_months": 216,
        "icd10_prefixes": ["G80"], "catchment": "nation", "course_days": 20,
    }  # fmt: skip
    center = {
        "name_kk": "near", "name_ru": "near", "name_en": "near", "region_id": "KZ-75", "settlement_id": "1526384",
        "latitude": 43.24, "longitude": 76.92, "programmes": [programme],
    }  # fmt: skip
    with httpx2.Client(base_url=referral, headers={"Authorization": f"Bearer {token}"}, timeout=20) as operator:
        made = operator.put(f"/v1/centers/{CENTER}", json=center)
        assert made.is_success, made.text
        places = operator.put(f"/v1/centers/{CENTER}/programmes/{PROGRAMME}/places", json={"places": 50})
        assert places.is_success, places.text


def child_for_it(seed: int) -> dict[str, Any]:
    """A body of POST /v1/diagnoses."""
    return submissions(1, seed)[0] | {"modalities": ["inpatient"], "max_distance_km": None}
