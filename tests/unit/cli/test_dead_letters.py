"""`joldama dead-letters` over a stub service: calls, output and exit codes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from tests.unit.cli.conftest import Harness, Joldama

ID, OTHER, NONE = (f"019a2b3c-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))


def dead_letter(id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": id, "state": "open", "consumer": "referral-worker", "topic": "joldama.diagnoses.v1", "partition": 2,
        "offset": 40, "key": "r1", "size": 12, "reason": "settlement_id: no settlement atlantis",
        "first_at": "2026-11-22T07:00:00Z", "last_at": "2026-11-22T08:00:00Z", "times": 3, "decided_by": None,
        "decided_at": None, "note": None, "allowed_actions": ["retry", "discard"],
        "message_key": {"encoding": "text", "data": "r1"}, "message_value": {"encoding": "base64", "data": "/w=="},
        "event": {"id": "e", "type": "kz.joldama.diagnosis.recorded.v1", "subject": "r1"},
    } | changes  # fmt: skip


class Service:
    """A service with dead letters; `outcome` is the state of a retried one from the second read on."""

    def __init__(self, *dead_letters: dict[str, Any], outcome: str = "settled") -> None:
        self.found, self.outcome = {one["id"]: one for one in dead_letters}, outcome
        self.calls: list[tuple[str, str, Any]] = []
        self.app = FastAPI()
        self.app.get("/v1/dead-letters")(self.list)
        self.app.get("/v1/dead-letters/{id}")(self.read)
        self.app.post("/v1/dead-letters/{id}/{action}")(self.act)

    async def list(self, state: str, cursor: str = "") -> dict[str, Any]:
        found = [one for one in self.found.values() if one["state"] == state]
        start = int(cursor or 0)
        return {"items": found[start : start + 1], "next": str(start + 1) if start + 1 < len(found) else None}

    async def read(self, id: str, response: Response) -> Any:
        if id not in self.found:
            response.status_code = 404
            return {"code": "not_found", "detail": "none"}
        found = dict(self.found[id])
        if found["state"] == "retrying":
            self.found[id]["state"] = self.outcome
        return found

    async def act(self, id: str, action: str, request: Request) -> Any:
        self.calls.append((id, action, json.loads(await request.body() or b"null")))
        self.found[id]["state"] = {"retry": "retrying", "discard": "discarded"}[action]
        return self.found[id]


@pytest.fixture
def service(harness: Harness) -> Iterator[Service]:
    """The referral service with two dead letters."""
    referral = Service(dead_letter(ID), dead_letter(OTHER, first_at="2026-11-21T07:00:00Z"))
    with harness.serve(referral.app):
        yield referral


def test_the_list_has_all_dead_letters_oldest_first(joldama: Joldama, service: Service) -> None:
    told = json.loads(joldama("dead-letters", "list", "--json").stdout)
    assert [(one["id"], one["service"]) for one in told] == [(OTHER, "referral"), (ID, "referral")]
    shown = joldama("dead-letters", "list").stdout
    for words in ("2 open dead letters", ID, "no settlement atlantis", "joldama.diagnoses.v1", "2026-11-22 13:00+05"):
        assert words in shown
    assert "0 settled dead letters" in joldama("dead-letters", "list", "--state", "settled").stdout


def test_a_dead_letter_of_any_service_is_shown_with_its_message(joldama: Joldama, service: Service) -> None:
    for id in (ID, OTHER):
        shown = joldama("dead-letters", "show", id)
        assert shown.exit_code == 0
        for words in (
            "referral (referral-worker)",
            "partition 2, offset 40",
            "3 times",
            "/w== (base64)",
            "retried or discarded",
        ):
            assert words in shown.stdout
    missing = joldama("dead-letters", "show", NONE)
    assert (missing.exit_code, missing.stdout) == (5, "")
    assert "joldama dead-letters list" in missing.stderr


def test_a_message_that_was_not_stored_and_the_decision_are_shown(joldama: Joldama, service: Service) -> None:
    service.found[ID] |= {
        "message_key": None, "message_value": None, "event": None, "size": 1_048_577, "allowed_actions": ["discard"],
        "decided_by": "operator:7", "decided_at": "2026-11-22T09:00:00Z", "note": "seen",
    }  # fmt: skip
    shown = joldama("dead-letters", "show", ID).stdout
    assert "not kept (1,048,577 bytes)" in shown
    assert "by operator:7 at 2026-11-22 14:00+05: seen" in shown


def test_a_retry_waits_for_its_result(joldama: Joldama, service: Service) -> None:
    done = joldama("dead-letters", "retry", ID, "--json")
    assert (done.exit_code, [one["state"] for one in json.loads(done.stdout)]) == (0, ["settled"])
    assert service.calls == [(ID, "retry", None)]


def test_all_are_retried_and_one_that_fails_again_is_exit_code_1(joldama: Joldama, service: Service) -> None:
    service.outcome = "open"
    done = joldama("dead-letters", "retry", "--all")
    assert done.exit_code == 1
    assert "2 dead letters" in done.stdout
    assert [(id, act) for id, act, _ in service.calls] == [(OTHER, "retry"), (ID, "retry")]
    for one in service.found.values():
        one["state"] = "discarded"
    assert "There is none." in joldama("dead-letters", "retry", "--all").stdout


def test_a_retry_with_no_wait_ends_at_once(joldama: Joldama, service: Service) -> None:
    done = joldama("dead-letters", "retry", OTHER, "--wait", "0", "--json")
    assert [one["state"] for one in json.loads(done.stdout)] == ["retrying"]


def test_discarding_sends_the_reason(joldama: Joldama, service: Service) -> None:
    done = joldama("dead-letters", "discard", ID, OTHER, "--reason", "a test of ours")
    assert done.exit_code == 0
    assert [one[1:] for one in service.calls] == [("discard", {"reason": "a test of ours"})] * 2


@pytest.mark.parametrize("words", ["retry", f"retry {ID} --all", f"discard {ID}", "discard", "show", "show 17"])
def test_missing_or_contradictory_arguments_are_usage_errors(joldama: Joldama, service: Service, words: str) -> None:
    ended = joldama("dead-letters", *words.split())
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert not service.calls


@pytest.mark.parametrize("name", ["list", "show", "retry", "discard"])
def test_each_subcommand_has_help_with_an_example(joldama: Joldama, name: str) -> None:
    shown = joldama("dead-letters", name, "--help")
    assert shown.exit_code == 0
    assert "Example:" in shown.output
