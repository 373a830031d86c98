"""`joldama audit` against a stub service."""

import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.unit.cli.conftest import Harness, Joldama

DATA_VERSION = {"epoch": "5", "sequence": 9}
CLEAN = {
    "data_version": DATA_VERSION, "programmes": 3, "referrals": 1200, "claims": 1100, "differences": [], "unsettled": 0,
}  # fmt: skip
LOST = {
    "kind": "claim_missing", "programme_id": "near", "referral_id": "r1",
    "record": {"claim": "held", "attempt": 2}, "capacity": None,
}  # fmt: skip


def app(report: dict[str, object]) -> Starlette:
    async def audit(_: Request) -> JSONResponse:
        return JSONResponse(report)

    async def repair(_: Request) -> JSONResponse:
        changed, epoch = (report["differences"], "6") if report["differences"] else ([], None)
        return JSONResponse({"changed": changed, "epoch": epoch, "handed_over": 0, "audit": CLEAN})

    return Starlette(routes=[Route("/v1/audit", audit), Route("/v1/audit/repair", repair, methods=["POST"])])


def test_without_a_difference_every_place_is_accounted_for(joldama: Joldama, harness: Harness) -> None:
    with harness.serve(app(CLEAN)):
        done = joldama("audit")
        assert done.exit_code == 0
        assert "Every place is accounted for: 3 programmes, 1,200 open referrals, 1,100 claims." in done.output
        assert joldama("audit", "--repair").exit_code == 0


def test_a_difference_is_named_and_is_exit_code_1(joldama: Joldama, harness: Harness) -> None:
    with harness.serve(app(CLEAN | {"differences": [LOST], "unsettled": 2})):
        done = joldama("audit")
        assert done.exit_code == 1
        for words in ("claim_missing", "r1", "claim held, attempt 2", "nothing", "2 further differences may pass"):
            assert words in done.output
        told = joldama("audit", "--json")
        assert (told.exit_code, json.loads(told.stdout)["differences"]) == (1, [LOST])


def test_a_repair_lists_its_changes(joldama: Joldama, harness: Harness) -> None:
    with harness.serve(app(CLEAN | {"differences": [LOST]})):
        done = joldama("audit", "--repair")
        assert done.exit_code == 0
        assert "Repaired: 1" in done.output
        assert "r1" in done.output
        assert json.loads(joldama("audit", "--repair", "--json").stdout)["epoch"] == "6"
