"""`joldama report`: what it gathers, and the page for print."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request

from services.kit.http.problems import Problem
from tests.unit.cli.conftest import Harness, Joldama, StubApi

CHILD = "019a2b3c-0000-7000-8000-00000000000a"
ONE, TWO = ("019a2b3c-0000-7000-8000-00000000000" + number for number in "12")
EVIL = '</style><script src="//evil.example"></script><img src=x onerror="alert(1)">'


def entry(sequence: int, at: str, act: str) -> dict[str, Any]:
    return {
        "sequence": sequence, "at": at, "person": "nurse-7", "role": "center", "org": EVIL, "act": act, "refused": None,
        "purpose": "treatment", "address": "10.0.0.1", "about": {}, "detail": {},
    }  # fmt: skip


def referral(id: str) -> dict[str, Any]:
    child = {"iin": None, "full_name": f"Үлгі {EVIL}", "birth_date": "2020-06-15", "sex": "female"}
    consent = {"text_version": "2026-1", "language": "kk", "given_on": "2026-11-02"}
    return {"referral_id": id, "child": child, "consent": consent, "consent_withdrawn_at": None}


class Services(StubApi):
    """A stub of both services; referral TWO is not routed yet."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        self.app.get("/v1/children/{id}/report")(self.report)
        self.app.get("/v1/referrals/{id}")(self.read)
        self.app.get("/v1/referrals/{id}/audit-log")(self.log)

    async def report(self, id: str, request: Request) -> dict[str, Any]:
        self.note("report", request)
        return {
            "child_id": id, "child_ids": [id], "referrals": [referral(ONE), referral(TWO)], "corrections": [],
            "notes": [{"text": "<b>Айша</b>", "author": "center:c1"}], "transfers": [],
            "audit_log": [entry(1, "2026-11-20T06:30:00Z", "submit_diagnosis")], "audit_log_complete": True,
        }  # fmt: skip

    async def read(self, id: str, request: Request) -> dict[str, Any]:
        if id == TWO:
            raise Problem(404, "referral_not_found", "none")
        self.note("story", request)
        return {"id": id, "state": "waiting", "history": [{"at": "2026-11-20", "command": "wait"}]}

    async def log(self, id: str, request: Request) -> dict[str, Any]:
        return {"items": [entry(1, "2026-11-20T06:29:00Z", "read_referral")] * 2, "next": None}


@pytest.fixture
def services(harness: Harness) -> Iterator[Services]:
    stub = Services(harness)
    with harness.serve(stub.app):
        yield stub


def test_it_gathers_what_both_services_hold(joldama: Joldama, services: Services) -> None:
    found = json.loads(joldama("report", CHILD, "--json").stdout)
    assert [(one["service"], one["act"]) for one in found["audit_log"]] == [
        ("referral", "read_referral"), ("intake", "submit_diagnosis"),
    ]  # fmt: skip
    assert [one["id"] for one in found["stories"]] == [ONE]
    assert [one["text_version"] for one in found["consents"]] == ["2026-1"] * 2
    assert services.calls == [("report", "admin", "", None), ("story", "admin", "", None)]


def test_without_a_file_it_says_how_much_there_is(joldama: Joldama, services: Services) -> None:
    ended = joldama("report", CHILD, "--as", "polyclinic", "--org", "p1")
    assert (ended.exit_code, "audit log" in ended.stdout, "Айша" in ended.stdout) == (0, True, False)
    assert services.calls[0][:3] == ("report", "polyclinic", "p1")


def test_the_page_loads_nothing_and_runs_nothing(joldama: Joldama, services: Services, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    assert joldama("report", CHILD, "--html", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    tags = {tag.lower() for tag in re.findall(r"<\s*([a-zA-Z0-9]+)", text)}
    assert tags == set("html head meta title style body h1 h2 table tr th td p div".split())
    assert EVIL in unescape(text)
    assert "default-src &#x27;none&#x27;" in text
    assert text.count("</style>") == 1
    assert "size: A4" in text
    again = joldama("report", CHILD, "--html", str(file))
    assert (again.exit_code, file.read_text()) == (2, text)


def test_a_link_is_not_followed(joldama: Joldama, services: Services, tmp_path: Path) -> None:
    link, target = tmp_path / "report.html", tmp_path / "target"
    link.symlink_to(target)
    assert joldama("report", CHILD, "--html", str(link)).exit_code != 0
    assert not target.exists()
