"""An HTTP client of the capacity API, with made-up tokens."""

from collections.abc import Callable

import httpx2
from fastapi import FastAPI

from services.capacity.ports import Store
from services.kit.http.auth import Principal, TokenVerifier
from services.kit.http.issuer_keys import IssuerKeys
from services.kit.http.problems import Problem
from tests.integration.capacity.network import open_programme

Client = Callable[..., httpx2.AsyncClient]


class MadeUpTokens(TokenVerifier):
    """A token is `role` or `role.organization`; several roles are joined by `+`."""

    def __init__(self) -> None:
        super().__init__(IssuerKeys(""), "", "")

    async def verify(self, token: str) -> Principal:
        roles, _, org = token.partition(".")
        if roles == "nobody":
            raise Problem(401, "unauthorized", "refused")
        return Principal(token, frozenset(roles.split("+")), org)


def client_of(app: FastAPI, token: str) -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://capacity", headers=headers)


def assert_problem(answer: httpx2.Response, status: int, code: str, field: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == code
    assert field is None or field in [one["field"] for one in body["errors"]]


async def two_centers(store: Store) -> None:
    await open_programme(store, "a", 1)
    await open_programme(store, "b", 2, center_id="center-2", region_id="KZ-75", modality="inpatient")
    await open_programme(store, "c", 0)
