"""Two children for whom one place is left: whoever has it, one of them waits."""

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from services.cli.token import LOCAL_POLYCLINIC
from tests.support.children import submissions
from tests.support.servers import wait_until

if TYPE_CHECKING:
    from tests.pages.scene import Scene

SEED = 4711
DIAGNOSIS = "G80.1"


def children() -> list[dict[str, Any]]:
    return [one for one in submissions(60, SEED) if one["child"].get("iin") and _years(one) in (5, 6)][:2]


def make_wait(scene: "Scene") -> None:
    """Leave one place at a center that is alone in its town, and submit two children of the town who go no farther."""
    center, programme = _lonely(scene)
    path = f"/v1/centers/{center['id']}/programmes/{programme['id']}/places"
    scene.ask("referral", "PUT", path, "operator", json={"places": 1})
    wait_until(lambda: _places(scene, center, programme) == 1, "capacity has the figure")
    for body in children():
        changed = {
            "settlement_id": center["settlement_id"], "modalities": [programme["modality"]], "max_distance_km": 1,
            "diagnosis": body["diagnosis"] | {"icd10": DIAGNOSIS},
        }  # fmt: skip
        scene.ask("intake", "POST", "/v1/diagnoses", "polyclinic", LOCAL_POLYCLINIC, json=body | changed)
    wait_until(lambda: bool(scene.of_state("waiting")), "one of two children waits")


def _lonely(scene: "Scene") -> tuple[dict[str, Any], dict[str, Any]]:
    centers = scene.ask("referral", "GET", "/v1/centers?limit=500", "operator")["items"]
    towns = Counter(one["settlement_id"] for one in centers)
    return next(
        (center, one)
        for center in centers
        for one in center["programmes"]
        if towns[center["settlement_id"]] == 1
        and DIAGNOSIS.startswith(tuple(one["icd10_prefixes"]))
        and one["age_from_months"] <= 48 < 84 <= one["age_under_months"]
    )


def _places(scene: "Scene", center: dict[str, Any], programme: dict[str, Any]) -> int:
    figures = scene.ask("capacity", "GET", f"/v1/capacity/{center['id']}", "operator")["items"]
    return next(int(one["places"]) for one in figures if one["programme_id"] == programme["id"])


def _years(body: dict[str, Any]) -> int:
    """By the years alone: a child of five or six is 48 to 83 months old."""
    return datetime.now(UTC).year - int(body["child"]["birth_date"][:4])
