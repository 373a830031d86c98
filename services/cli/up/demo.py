"""The first start's content, over the public APIs alone: the network of `data/`, and made-up children routed in it."""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from services.cli.access import LOCAL_POLYCLINIC
from services.cli.client import Api, Refused
from services.cli.register import register_missing
from services.contracts.reference import read_programmes
from services.contracts.vocabulary import Role
from services.local.issuer import issue_token
from services.local.jars import CHECKOUT
from services.local.plan import Plan

Progress = Callable[[int, int], None]
"""Told how many of how many are done."""
LINES_A_PART = 500
SEED = 1


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one child went. A waiting or unplaceable one has no center and no distance (kilometers)."""

    state: str
    center_id: str = ""
    center: str = ""
    kilometers: float | None = None


def data_folder() -> Path:
    return Path(os.environ.get("JOLDAMA_DATA") or CHECKOUT / "data")


def api(plan: Plan, part: str, role: Role, org: str = "") -> Api:
    """The public API of `part`, as `role`."""
    return Api(plan.url(part), issue_token(plan.home, [role], org))


def load_network(plan: Plan, progress: Progress) -> int:
    """Register the centers of `data/` that the registry does not have; how many they were. Others stay as they are."""
    with api(plan, "referral", Role.OPERATOR) as registry:
        return register_missing(registry, data_folder(), progress)


def programmes_in_data() -> int:
    return len(read_programmes(data_folder()))


def programmes_known(plan: Plan) -> int:
    """How many programmes capacity can give places of."""
    with api(plan, "capacity", Role.OPERATOR) as capacity:
        return sum(1 for _ in capacity.pages("/v1/capacity"))


def has_referrals(plan: Plan) -> bool:
    with api(plan, "referral", Role.OPERATOR) as referrals:
        return any(True for _ in referrals.pages("/v1/referrals", 1))


def submit_children(plan: Plan, count: int) -> int:
    """Submit `count` made-up children as the demo polyclinic; how many were taken."""
    taken = 0
    with api(plan, "intake", Role.POLYCLINIC, LOCAL_POLYCLINIC) as intake:
        for part in _parts(count):
            answer = intake.http.post(
                "/v1/diagnoses/bulk", content=part, headers={"Content-Type": "application/x-ndjson"}, timeout=120
            )
            if answer.is_error:
                raise Refused(answer)
            taken += answer.text.count('"referral_id"')
    return taken


def _parts(count: int) -> Iterator[str]:
    from services.cli.demo_children import write_demo_children

    lines = io.StringIO()
    write_demo_children(lines, count, SEED, data_folder(), _today())
    every = lines.getvalue().splitlines(keepends=True)
    for start in range(0, len(every), LINES_A_PART):
        yield "".join(every[start : start + LINES_A_PART])


def _today() -> date:
    return (datetime.now(UTC) + timedelta(hours=5)).date()


def routed(plan: Plan) -> list[dict[str, Any]]:
    """The demo polyclinic's referrals that the network has routed so far."""
    with api(plan, "referral", Role.OPERATOR) as referrals:
        return list(referrals.pages("/v1/referrals", polyclinic_id=LOCAL_POLYCLINIC))


def placed(plan: Plan, found: list[dict[str, Any]]) -> Iterator[Placed]:
    """Where each of the referrals in `found` went."""
    with api(plan, "referral", Role.OPERATOR) as referrals:
        for one in found:
            story = referrals.get(f"/v1/referrals/{one['id']}")
            if not story["center_id"]:
                yield Placed(story["state"])
                continue
            offer = story["offers"][-1]
            yield Placed(story["state"], offer["center_id"], offer["center_name"], offer["kilometers"])
