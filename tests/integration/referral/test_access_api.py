"""`POST /v1/access`, for services: who has which referral now."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx2

from services.contracts.access import MOST
from tests.integration.referral.country import Country

Client = Callable[..., httpx2.AsyncClient]


async def test_a_center_has_a_referral_while_its_offer_is_open_and_one_that_is_not_routed_is_missing(
    country: Country, client: Client
) -> None:
    service, near = client("intake-api"), client("center", org="near")

    async def now(*numbers: int) -> list[dict[str, Any]]:
        ids = [str(UUID(int=number)) for number in numbers]
        answer = await service.post("/v1/access", json={"referral_ids": ids})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["referrals"]
        return found

    await country.open("near")
    await country.submit(1)
    await country.submit(2)
    both = {one["referral_id"]: (one["state"], one["center_id"]) for one in await now(1, 2, 3)}
    assert both == {str(UUID(int=1)): ("offered", "near"), str(UUID(int=2)): ("waiting", None)}
    one = f"/v1/referrals/{UUID(int=1)}"
    for command, body, state, center in (
        ("accept", {}, "accepted", "near"),
        ("admit", {}, "admitted", "near"),
        ("discharge", {"outcome": "improved"}, "completed", None),
    ):
        answer = await near.post(f"{one}/{command}", json=body)
        assert answer.status_code == 200, answer.text
        assert [(one["state"], one["center_id"]) for one in await now(1)] == [(state, center)]


async def test_after_a_decline_the_center_has_it_no_longer_though_no_event_was_carried(
    country: Country, client: Client
) -> None:
    await country.open("near")
    await country.submit(1)
    one = f"/v1/referrals/{UUID(int=1)}"
    await client("center", org="near").post(f"{one}/decline", json={"reason": "no_capacity"})
    answer = await client("intake-api").post("/v1/access", json={"referral_ids": [str(UUID(int=1))]})
    assert [(one["state"], one["center_id"]) for one in answer.json()["referrals"]] == [("submitted", None)]


async def test_as_many_are_asked_at_once_as_intake_asks_for(country: Country, client: Client) -> None:
    await country.open("near")
    await country.submit(1)
    ids = [str(UUID(int=number)) for number in range(1, MOST + 1)]
    answer = await client("intake-api").post("/v1/access", json={"referral_ids": ids})
    assert (answer.status_code, len(answer.json()["referrals"])) == (200, 1), answer.text
    more = await client("intake-api").post("/v1/access", json={"referral_ids": [*ids, str(UUID(int=0))]})
    assert more.status_code == 422
