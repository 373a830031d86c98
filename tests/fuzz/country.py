"""The network that is fuzzed: what there is in it, so that requests get past 401 and 404."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2

from services.contracts.vocabulary import Role
from tests.network.test_poison import POISON, publish
from tests.support.children import POLYCLINIC, submissions, submit_all
from tests.support.network import RunningNetwork
from tests.support.servers import wait_until

CHILDREN, LETTERS = 60, 10
OTHER_POLYCLINIC = "another-polyclinic"


@dataclass(frozen=True, slots=True)
class Valid:
    """A body that every rule lets pass, for these ids in the path."""

    body: Any
    path_parameters: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Known:
    """Ids in the network by the name of the parameter that takes them, and valid bodies by operation."""

    ids: dict[str, list[str]]
    bodies: dict[str, list[Valid]]
    center_id: str
    """A center that has offers."""

    def choose(self, name: str, path: str, chance: random.Random) -> str | None:
        """Some id for a parameter of a path."""
        found = self.ids.get("letter_id" if "dead-letters" in path else name)
        return chance.choice(found) if found else None


@dataclass(frozen=True, slots=True)
class Caller:
    """A holder of a token, as the table names it."""

    name: str
    token: str

    @property
    def header(self) -> str:
        return f"Bearer {self.token}"


def fill(network: RunningNetwork) -> Known:
    """Centers, children with referrals, and dead letters."""
    network.load_country()
    bodies = submissions(CHILDREN, seed=7)
    referrals = asyncio.run(submit_all(network, bodies))
    as_polyclinic, as_operator = network.headers("polyclinic", POLYCLINIC), network.headers("operator")
    children = [
        httpx2.get(f"{network.url('intake')}/v1/diagnoses/{one}", headers=as_polyclinic).json()["child_id"]
        for one in referrals
    ]
    for number in range(LETTERS):
        asyncio.run(publish(network, f"poison-{number}", POISON.replace(b"poison-1", b"poison-%d" % number)))

    def items(path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx2.get(network.url("referral") + path, headers=as_operator).json()["items"]
        return found

    wait_until(lambda: len(items("/v1/dead-letters")) == LETTERS, "dead letters are stored")
    wait_until(
        lambda: sum(one["state"] == "submitted" for one in items("/v1/referrals?limit=100")) == 0, "children are routed"
    )
    centers = items("/v1/centers?limit=500")
    routed = [one["center_id"] for one in items("/v1/referrals?limit=100") if one["center_id"]]
    ids = {
        "referral_id": referrals,
        "child_id": children,
        "center_id": [one["id"] for one in centers[:10]] + routed[:5],
        "programme_id": [programme["id"] for one in centers[:10] for programme in one["programmes"]],
        "letter_id": [one["id"] for one in items("/v1/dead-letters")],
        "polyclinic_id": [POLYCLINIC, OTHER_POLYCLINIC],
        "region": ["KZ-75", "KZ-71"],
        "region_id": ["KZ-75", "KZ-71"],
    }
    return Known(ids, _bodies(bodies, children, centers), routed[0])


def _bodies(
    submitted: list[dict[str, Any]], children: list[str], centers: list[dict[str, Any]]
) -> dict[str, list[Valid]]:
    new = submissions(400, seed=8)
    steps = {"decline": {"reason": "no_capacity"}, "cancel": {"reason": "moved_away"},
             "no-show": {"reason": "child_ill"}, "discharge": {"outcome": "improved"}}  # fmt: skip
    figures = [
        Valid({"places": 7}, {"center_id": one["id"], "programme_id": programme["id"]})
        for one in centers[:10]
        for programme in one["programmes"]
    ]
    lines = [b"".join(json.dumps(one).encode() + b"\n" for one in new[first : first + 3]) for first in range(0, 60, 3)]
    return {
        "POST /v1/diagnoses": [Valid(one) for one in new[100:]],
        "POST /v1/diagnoses/bulk": [Valid(one.decode(), {}, "application/x-ndjson") for one in lines],
        "PATCH /v1/diagnoses/{referral_id}": [Valid({"diagnosis": {"gmfcs": one}}) for one in ("II", "IV")],
        "PATCH /v1/children/{child_id}": [Valid({"guardian": {"full_name": name}}) for name in ("Ана", "Әке")],
        "POST /v1/children/lookup": [Valid({"iin": one["child"]["iin"]}) for one in submitted if "iin" in one["child"]],
        "POST /v1/diagnoses/{referral_id}/notes": [Valid({"text": text}) for text in ("Айша has the flu", "x" * 500)],
        "POST /v1/children/{child_id}/join": [Valid({"child_id": one}) for one in children],
        "PUT /v1/centers/{center_id}": [Valid(one, {"center_id": one["id"]}) for one in centers[:10]],
        "PUT /v1/centers/{center_id}/programmes/{programme_id}/places": figures,
        **{f"POST /v1/referrals/{{referral_id}}/{name}": [Valid(body)] for name, body in steps.items()},
    }


def callers(network: RunningNetwork, known: Known) -> list[Caller]:
    """One of each role, with its organization where the role has one, and one who is a polyclinic and a center."""
    org = {Role.POLYCLINIC: POLYCLINIC, Role.CENTER: known.center_id}
    found = [Caller(role.value, network.token(role.value, org.get(role, ""))) for role in Role]
    return [*found, Caller("another polyclinic", network.token("polyclinic", OTHER_POLYCLINIC))]


def admitted(url: str, method: str, path: str, every: Sequence[Caller]) -> list[Caller]:
    """Those whom that path does not turn away for their role."""
    found = []
    for one in every:
        with suppress(httpx2.TimeoutException):
            headers = {"Authorization": one.header}
            with httpx2.stream(method, f"{url}{path}?colour=red", headers=headers, timeout=10) as answer:
                if answer.status_code not in (401, 403):
                    found.append(one)
    return found


def wait_ready(network: RunningNetwork) -> float:
    """Seconds until all parts are ready."""
    began = time.monotonic()
    network.network.wait_ready()
    return time.monotonic() - began
