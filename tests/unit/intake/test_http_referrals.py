"""The referral service over HTTP: whatever is no answer is a fault that passes, and never opens a child."""

import json
from collections.abc import Callable
from uuid import UUID, uuid4

import httpx2
import pytest

from services.contracts.access import MOST, ReferralAccess
from services.intake.adapters.http_referrals import HttpReferrals
from services.kit.errors import TransientError
from services.kit.http.service_token import TokenFile

Answer = Callable[[httpx2.Request], httpx2.Response]


def referrals(answer: Answer) -> HttpReferrals:
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer), base_url="http://referral")
    return HttpReferrals(client, TokenFile(None))


def refused(_: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused")


@pytest.mark.parametrize(
    "answer",
    [
        refused,
        *(lambda _, status=status: httpx2.Response(status, json={"referrals": []}) for status in (302, 401, 404, 500)),
        lambda _: httpx2.Response(200, content=b"<html>"),
        lambda _: httpx2.Response(200, json={"items": []}),
        lambda _: httpx2.Response(200, json={"referrals": [{"referral_id": "1", "version": 1, "state": "offered"}]}),
    ],
)
async def test_what_is_no_answer_is_a_fault_that_passes(answer: Answer) -> None:
    with pytest.raises(TransientError):
        await referrals(answer).ask([uuid4()])


async def test_many_are_asked_in_parts_and_nothing_is_asked_as_a_question_of_none() -> None:
    sizes: list[int] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        ids = json.loads(request.content)["referral_ids"]
        sizes.append(len(ids))
        known = [{"referral_id": id, "version": 2, "state": "offered", "center_id": "c"} for id in ids[:1]]
        return httpx2.Response(200, json={"referrals": known})

    ids = [UUID(int=number) for number in range(MOST + 1)]
    found = await referrals(answer).ask(ids)
    assert found == {
        id: ReferralAccess(referral_id=id, version=2, state="offered", center_id="c") for id in (ids[0], ids[-1])
    }
    assert await referrals(answer).ask([]) == {}
    assert sizes == [MOST, 1, 0]
