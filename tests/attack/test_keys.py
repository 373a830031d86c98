"""Keys: another data, index or pseudonym key on a running network is noticed before a child is taken twice."""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from services.local.issuer import intake_keys
from tests.support.children import submissions
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork


async def _checks(country: RunningNetwork) -> dict[str, str]:
    """The checks of intake's readiness; empty while it does not answer."""
    async with httpx2.AsyncClient(base_url=country.inside("intake")) as http:
        try:
            checks: dict[str, str] = (await http.get("/readyz")).json()["checks"]
        except httpx2.TransportError:
            return {}
    return checks


@contextmanager
def another_key(country: RunningNetwork, variable: str) -> Iterator[None]:
    """Intake restarted under another key of that kind; under the right one again at the end."""
    file = intake_keys(country.home)[variable]
    right = file.read_text()
    try:
        file.write_text(f"1:{base64.b64encode(os.urandom(32)).decode()}")
        country.wait_for_new_process("intake", country.kill("intake"))
        yield
    finally:
        file.write_text(right)
        country.wait_restarted("intake", country.kill("intake"))


@pytest.mark.parametrize("kind", ["DATA", "INDEX", "PSEUDONYM"])
async def test_under_another_key_intake_is_not_ready_and_takes_nobody_again(country: RunningNetwork, kind: str) -> None:
    [body], variable = submissions(1, seed=900 + len(kind)), f"JOLDAMA_INTAKE_{kind}_KEYS"
    headers = country.headers("polyclinic", "p-keys")
    async with httpx2.AsyncClient(base_url=country.url("intake"), headers=headers, timeout=20) as http:
        receipt = (await http.post("/v1/diagnoses", json=body)).json()
        path = f"/v1/diagnoses/{receipt['referral_id']}"
        with another_key(country, variable):
            checks = await eventually(lambda: _checks(country), "intake answers", within=30)
            assert f"{variable}: version 1" in checks["keys"]
            assert (await http.post("/v1/diagnoses", json=body)).status_code == 503
            assert (await http.get(path)).status_code == 503
        assert (await http.post("/v1/diagnoses", json=body)).status_code == 409
        assert (await http.get(path)).status_code == 200
