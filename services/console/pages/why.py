"""Why this center: the centers that came into question, those that did not and why, and how long it may take."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.console.drawing.boundaries import Country, read_country
from services.console.drawing.map import Candidate, CandidatesMap, candidates_map
from services.console.rendering import name_in, render
from services.console.rows import short_number
from services.console.sign_in.admission import console_of
from services.console.sign_in.user import SignedIn
from services.console.upstream import referral
from services.console.upstream.client import Json
from services.contracts.reference import Settlement, read_settlements
from services.contracts.vocabulary import Language, Role

router = APIRouter()
ENDED = ("declined", "expired", "withdrawn", "missed")
"""Offers that are over without a course."""
FOLDERS = {"accepted": "/weeks", "admitted": "/weeks"}
"""Where a center has a child of that state; else among its offers."""


@router.get("/referrals/{referral_id}/why")
async def show_why(request: Request, referral_id: UUID, user: SignedIn) -> Response:
    """As far as the API shows it to the reader: a center sees its own part only. Nothing personal is read."""
    story = await referral.story(user.services, str(referral_id))
    centers = {one["id"]: one for one in await referral.every_center(user.services)}
    decision = story["decision"] or {"candidates": [], "excluded": {}, "at": None}
    candidates = numbered(decision["candidates"], centers, user.language)
    data = console_of(request).settings.data
    home = settlements(data).get(story["settlement_id"] or "")
    return render(
        request, "family/why.html", story=story, number=short_number(story["id"]), home=home, at=decision["at"],
        candidates=candidates, chosen=next((one for one in candidates if one["chosen"]), None),
        map=drawn(read_country(data), home, candidates), own=user.role is Role.CENTER,
        excluded=excluded(decision["excluded"], centers, user.language),
        queues=queues_of(story, centers, user.language),
        past=[one | {"name": _name(centers, one, user.language)} for one in story["offers"] if one["state"] in ENDED],
        back=f"{_folder(user.role, story['state'])}/{referral_id}",
    )  # fmt: skip


def _folder(role: Role, state: str) -> str:
    """Where this reader has the referral's page."""
    if role is Role.CENTER:
        return FOLDERS.get(state, "/inbox")
    return "/referrals" if role is Role.POLYCLINIC else "/children"


def numbered(candidates: Sequence[Json], centers: Mapping[str, Json], language: Language) -> list[Json]:
    """In the order in which they came into question, each with its number, name and place."""
    return [
        one | {"number": number, "name": _name(centers, one, language), "center": centers.get(one["center_id"])}
        for number, one in enumerate(candidates, 1)
    ]


def drawn(country: Country, home: Settlement | None, candidates: Sequence[Json]) -> CandidatesMap | None:
    """The map; of several candidates at one point the chosen one is shown, else the first. None without a home."""
    spots: dict[tuple[float, float], Candidate] = {}
    for one in candidates:
        if center := one["center"]:
            at = center["latitude"], center["longitude"]
            if one["chosen"] or at not in spots:
                spots[at] = Candidate(one["number"], one["name"], *at, chosen=one["chosen"])
    if home is None or not spots:
        return None
    return candidates_map(country, (home.latitude, home.longitude), list(spots.values()))


def excluded(
    found: Mapping[str, Sequence[str]], centers: Mapping[str, Json], language: Language
) -> list[tuple[str, list[str]]]:
    """By reason the names of the centers, each once; those that are closed by now have none."""
    of_programme = {one["id"]: center for center in centers.values() for one in center["programmes"]}
    named = {
        reason: sorted({name_in(language, of_programme[one]) for one in programmes if one in of_programme})
        for reason, programmes in found.items()
    }
    return [(reason, names) for reason, names in named.items() if names]


def queues_of(story: Json, centers: Mapping[str, Json], language: Language) -> list[Json]:
    """The places in queues, the earliest date first."""
    queues = (story.get("forecast") or {"queues": []})["queues"]
    return earliest_first([one | {"name": _name(centers, one, language)} for one in queues])


def earliest_first(queues: Sequence[Json]) -> list[Json]:
    return sorted(queues, key=lambda one: (one["estimated_on"] is None, one["estimated_on"], one["position"]))


def _name(centers: Mapping[str, Json], one: Json, language: Language) -> str:
    center = centers.get(one["center_id"])
    return name_in(language, center) if center else str(one["center_name"])


@cache
def settlements(data: Path) -> Mapping[str, Settlement]:
    return read_settlements(data)
