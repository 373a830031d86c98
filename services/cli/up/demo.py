"""The content of a first start, over the public APIs: the centers of `data/`, and made-up children."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson

from services.cli.client import Api
from services.cli.demo_children import write_demo_children
from services.cli.reference import data_folder
from services.cli.register import register_missing
from services.cli.token import LOCAL_POLYCLINIC
from services.contracts.days import day_of
from services.contracts.reference import read_programmes
from services.contracts.vocabulary import Role
from services.local.issuer import issue_token
from services.local.plan import Plan

Progress = Callable[[int, int], None]
"""Called with the numbers of items that are done, and of all."""
LINES_A_PART = 500
SEED = 1
NDJSON = {"Content-Type": "application/x-ndjson"}


class Placed(NamedTuple):
    """The state and center of one child. Without a center, the name is empty and the distance 0 km."""

    state: str
    center: str
    kilometers: float


def api(plan: Plan, part: str, role: Role, org: str = "") -> Api:
    """The public API of `part`, as `role`."""
    return Api(plan.url(part), issue_token(plan.home, [role], org))


def load_network(plan: Plan, progress: Progress) -> int:
    """Register the missing centers of `data/`, and set missing figures. Returns how many centers."""
    with api(plan, "referral", Role.OPERATOR) as registry:
        return register_missing(registry, data_folder(), progress)


def programmes_in_data() -> int:
    return len(read_programmes(data_folder()))


def programmes_known(plan: Plan) -> int:
    """The number of programmes with a figure at capacity."""
    with api(plan, "capacity", Role.OPERATOR) as capacity:
        return sum(one["confirmed_at"] is not None for one in capacity.pages("/v1/capacity"))


def has_referrals(plan: Plan) -> bool:
    with api(plan, "referral", Role.OPERATOR) as referrals:
        return any(True for _ in referrals.pages("/v1/referrals", limit=1))


def submit_children(plan: Plan, count: int) -> int:
    """Submit `count` made-up children as the demo polyclinic. Returns how many were recorded."""
    recorded = 0
    with api(plan, "intake", Role.POLYCLINIC, LOCAL_POLYCLINIC) as intake:
        for part in _parts(count):
            answer = intake.send("POST", "/v1/diagnoses/bulk", content=part, headers=NDJSON, timeout=120)
            recorded += sum(orjson.loads(line)["status"] == HTTPStatus.CREATED for line in answer.iter_lines())
    return recorded


def _parts(count: int) -> Iterator[str]:
    lines = io.StringIO()
    write_demo_children(lines, count, SEED, data_folder(), day_of(datetime.now(UTC)))
    every = lines.getvalue().splitlines(keepends=True)
    for start in range(0, len(every), LINES_A_PART):
        yield "".join(every[start : start + LINES_A_PART])


def routed(plan: Plan) -> list[dict[str, Any]]:
    """The demo polyclinic's referrals that are routed so far."""
    with api(plan, "referral", Role.OPERATOR) as referrals:
        return list(referrals.pages("/v1/referrals", polyclinic_id=LOCAL_POLYCLINIC))


def placed(plan: Plan, found: list[dict[str, Any]]) -> Iterator[Placed]:
    """The state and center of each child of the referrals `found`."""
    with api(plan, "referral", Role.OPERATOR) as referrals:
        for one in found:
            story = referrals.get(f"/v1/referrals/{one['id']}")
            offer = story["offers"][-1] if story["center_id"] else {}
            yield Placed(story["state"], offer.get("center_name", ""), offer.get("kilometers", 0))
