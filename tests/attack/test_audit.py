"""The audit log: whoever reads, acts or is refused is in it, and whoever changes the files is found out."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.local.issuer import issue_token
from tests.support.children import submissions
from tests.support.network import RunningNetwork
from tests.support.servers import wait_until
from tests.support.terminal import run_joldama

NURSE, IIN_OF_A_NURSE = "nurse-7", "150101600019"


@contextmanager
def client(country: RunningNetwork, service: str, role: str, org: str = "", sub: str = "") -> Iterator[httpx2.Client]:
    token = issue_token(country.home, [role], org, sub)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=country.url(service), headers=headers, timeout=20) as found:
        yield found


def entries(country: RunningNetwork, service: str, about: str) -> list[dict[str, Any]]:
    with client(country, service, "operator", sub="auditor") as operator:
        found = operator.get("/v1/audit-log", params={"about": about, "limit": 500})
    assert found.status_code == 200, found.text
    items: list[dict[str, Any]] = found.json()["items"]
    return items


@pytest.fixture(scope="module")
def receipt(country: RunningNetwork) -> dict[str, Any]:
    with client(country, "intake", "polyclinic", "p-audit", NURSE) as nurse:
        found: dict[str, Any] = nurse.post("/v1/diagnoses", json=submissions(1, 4711)[0]).json()
    with client(country, "referral", "operator") as operator:
        path = f"/v1/referrals/{found['referral_id']}"
        wait_until(lambda: operator.get(path).status_code == 200, "the referral is recorded")
    return found


def test_a_read_names_the_person_the_role_the_organization_the_purpose_and_the_child(
    country: RunningNetwork, receipt: dict[str, Any]
) -> None:
    child = receipt["child_id"]
    with client(country, "intake", "polyclinic", "p-audit", NURSE) as nurse:
        assert nurse.get(f"/v1/children/{child}").status_code == 200
        answer = nurse.get(f"/v1/children/{child}", headers={"Purpose-Of-Use": "family_request"})
        assert answer.status_code == 200
        refused = nurse.get(f"/v1/children/{child}", headers={"Purpose-Of-Use": "curiosity"})
        assert (refused.status_code, refused.json()["code"]) == (422, "unknown_purpose")
    found = [one for one in entries(country, "intake", child) if one["person"] == NURSE]
    assert [(one["act"], one["purpose"]) for one in found] == [
        ("submit_diagnosis", "treatment"), ("read_child", "treatment"), ("read_child", "family_request"),
    ]  # fmt: skip
    for one in found:
        assert (one["role"], one["org"], one["address"]) == ("polyclinic", "p-audit", "127.0.0.1")
        assert one["about"]["child_id"] == child


def test_a_person_who_is_known_by_an_iin_has_a_pseudonym_that_is_the_same_in_both_services(
    country: RunningNetwork, receipt: dict[str, Any]
) -> None:
    child, referral = receipt["child_id"], receipt["referral_id"]
    with client(country, "intake", "polyclinic", "p-audit", IIN_OF_A_NURSE) as nurse:
        assert nurse.get(f"/v1/children/{child}").status_code == 200
    with client(country, "referral", "polyclinic", "p-audit", IIN_OF_A_NURSE) as nurse:
        assert nurse.get(f"/v1/referrals/{referral}").status_code == 200
    (one,) = {item["person"] for item in entries(country, "intake", child) if item["person"].startswith("p:")}
    assert one in {item["person"] for item in entries(country, "referral", child)}
    for service in ("intake", "referral"):
        assert IIN_OF_A_NURSE.encode() not in (country.home.sql / f"{service}.sqlite3").read_bytes()


@pytest.mark.parametrize("role", ["polyclinic", "center", "operator"])
def test_a_refused_read_is_entered(country: RunningNetwork, receipt: dict[str, Any], role: str) -> None:
    child, referral, spy = receipt["child_id"], receipt["referral_id"], f"spy-of-{role}"
    with client(country, "intake", role, "p-else", spy) as other:
        for path in (f"/v1/children/{child}", f"/v1/diagnoses/{referral}"):
            assert other.get(path).status_code in (403, 404)
        if role != "operator":
            iin = submissions(1, 4711)[0]["child"]["iin"]
            assert other.post("/v1/children/lookup", json={"iin": iin}).status_code == 404
    if role != "operator":
        with client(country, "referral", role, "p-else", spy) as other:
            assert other.get(f"/v1/referrals/{referral}").status_code == 404
            assert other.post(f"/v1/referrals/{referral}/cancel", json={"reason": "other"}).status_code in (403, 404)
        acts = [
            (one["act"], bool(one["refused"])) for one in entries(country, "referral", referral) if one["person"] == spy
        ]
        assert acts == [("read_referral", True), ("cancel_referral", True)]
    found = [one for one in entries(country, "intake", child) if one["person"] == spy]
    look_ups = ["look_up_child"] if role != "operator" else []
    assert [one["act"] for one in found] == ["read_child", "read_diagnosis", *look_ups]
    assert all(one["refused"] in ("forbidden", "not_found") for one in found)


def test_a_list_is_one_entry_with_its_filter_and_number(country: RunningNetwork) -> None:
    with client(country, "referral", "operator", sub="lister") as operator:
        assert operator.get("/v1/referrals", params={"status": "waiting", "limit": 5}).status_code == 200
        found = operator.get("/v1/audit-log", params={"limit": 500})
        while found.json()["next"]:
            found = operator.get("/v1/audit-log", params={"limit": 500, "cursor": found.json()["next"]})
    (one,) = [item for item in found.json()["items"] if item["person"] == "lister" and item["act"] == "list_referrals"]
    assert one["detail"]["filter"] == {"status": "waiting", "limit": "5"}
    assert isinstance(one["detail"]["count"], int)


def test_the_history_names_the_person_to_its_own_organization_and_to_operators_only(
    country: RunningNetwork, receipt: dict[str, Any]
) -> None:
    path = f"/v1/referrals/{receipt['referral_id']}"
    with client(country, "referral", "operator", sub="oper-3") as operator:
        assert operator.post(f"{path}/offer-again").status_code in (200, 409)
        assert operator.post(f"{path}/cancel", json={"reason": "other"}).status_code == 200
        history = operator.get(path).json()["history"]
        assert history[-1]["actor"] == "operator:oper-3"
    with client(country, "referral", "polyclinic", "p-audit", NURSE) as nurse:
        assert nurse.get(path).json()["history"][-1]["actor"] == "operator"


@pytest.mark.parametrize("service", ["intake", "referral"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET person = 'nobody' WHERE sequence = 1",
        "DELETE FROM audit_log",
        "INSERT OR REPLACE INTO audit_log SELECT * FROM audit_log WHERE sequence = 1",
        "REPLACE INTO audit_log SELECT * FROM audit_log",
    ],
)
def test_the_running_files_refuse_a_change_by_sql(country: RunningNetwork, service: str, statement: str) -> None:
    with closing(sqlite3.connect(country.home.sql / f"{service}.sqlite3", timeout=20)) as file:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            file.execute(statement)
        file.rollback()
    with client(country, service, "operator") as operator:
        assert operator.get("/v1/audit-log/verify").json()["findings"] == []


def test_a_change_of_the_running_file_is_found_while_it_serves(country: RunningNetwork) -> None:
    with (
        closing(sqlite3.connect(country.home.sql / "intake.sqlite3", timeout=20, isolation_level=None)) as file,
        client(country, "intake", "operator") as operator,
    ):
        (trigger,) = file.execute("SELECT sql FROM sqlite_master WHERE name = 'audit_log_no_update'").fetchone()
        (person,) = file.execute("SELECT person FROM audit_log WHERE sequence = 2").fetchone()
        file.execute("DROP TRIGGER audit_log_no_update")
        file.execute("UPDATE audit_log SET person = 'somebody-else' WHERE sequence = 2")
        try:
            found = operator.get("/v1/audit-log/verify").json()["findings"]
        finally:
            file.execute("UPDATE audit_log SET person = ? WHERE sequence = 2", (person,))
            file.execute(trigger)
        assert found == [{"sequence": 2, "fault": "changed"}]
        assert operator.get("/v1/audit-log/verify").json()["findings"] == []


_OTHERS = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_log'"
_LAST = "(SELECT max(sequence) FROM audit_log)"
_REST = "at, person, role, org, act, refused, purpose, address, child_id, referral_id, detail, key, hash FROM audit_log"


@pytest.mark.parametrize("service", ["intake", "referral"])
@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        ([], None),
        (["UPDATE audit_log SET person = 'nobody' WHERE sequence = 2"], "changed"),
        (["UPDATE audit_log SET at = at - 60000 WHERE sequence = 2"], "changed"),
        (["DELETE FROM audit_log WHERE sequence = 2"], "missing"),
        (["DELETE FROM audit_log WHERE sequence = 1"], "missing"),
        ([f"INSERT OR REPLACE INTO audit_log SELECT 2, {_REST} WHERE sequence = 3"], "changed"),
        (
            [
                "UPDATE audit_log SET sequence = -1 WHERE sequence = 2",
                "UPDATE audit_log SET sequence = 2 WHERE sequence = 3",
                "UPDATE audit_log SET sequence = 3 WHERE sequence = -1",
            ],
            "changed",
        ),
        ([f"INSERT INTO audit_log SELECT {_LAST} + 1, {_REST} WHERE sequence = {_LAST}"], "changed"),
        ([f"DELETE FROM audit_log WHERE sequence > {_LAST} - 2"], "cut_off"),
        (["DELETE FROM audit_log"], "cut_off"),
    ],
)
def test_whoever_owns_the_file_is_found_out(
    country: RunningNetwork,
    receipt: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    statements: list[str],
    fault: str | None,
) -> None:
    monkeypatch.setenv("JOLDAMA_HOME", str(country.home.root))
    copy, heads = tmp_path / "copy.sqlite3", tmp_path / "heads"
    with (
        closing(sqlite3.connect(country.home.sql / f"{service}.sqlite3")) as file,
        closing(sqlite3.connect(copy)) as to,
    ):
        file.backup(to)
        last = to.execute("SELECT sequence, lower(hex(hash)) FROM audit_log ORDER BY 1 DESC LIMIT 1").fetchone()
        assert last[0] > 3
        for (trigger,) in to.execute(_OTHERS).fetchall():
            to.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            to.execute(statement)
        to.commit()
    heads.write_text(json.dumps({"sequence": last[0], "hash": last[1]}) + "\n")
    done = run_joldama("audit-log", "verify", "--database", str(copy), "--heads", str(heads), "--json")
    found = {one["fault"] for one in json.loads(done.stdout)[0]["findings"]}
    assert done.exit_code == (1 if fault else 0)
    assert (fault in found) if fault else not found


def test_an_operator_checks_the_logs_and_tells_a_family_who_looked(
    country: RunningNetwork, receipt: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOLDAMA_HOME", str(country.home.root))
    shown = run_joldama("audit-log", "verify")
    assert (shown.exit_code, shown.stdout.count("are as they were written")) == (0, 2)
    told = json.loads(run_joldama("audit-log", "child", receipt["child_id"], "--json").stdout)
    assert {one["service"] for one in told} == {"intake", "referral"}
    assert (told[0]["act"], told[0]["person"], told[0]["org"]) == ("submit_diagnosis", NURSE, "p-audit")
    text = run_joldama("audit-log", "child", receipt["child_id"]).stdout
    assert NURSE in text
    assert "submit diagnosis" in text


def capacity_entries(country: RunningNetwork, person: str) -> list[dict[str, Any]]:
    """What one person read at capacity, in the referral service's log."""
    found, cursor = list[dict[str, Any]](), None
    with client(country, "referral", "operator") as operator:
        while cursor or not found:
            params = {"limit": 500} | ({"cursor": cursor} if cursor else {})
            page = operator.get("/v1/audit-log", params=params).raise_for_status().json()
            found, cursor = found + page["items"], page["next"]
    return [one for one in found if one["person"] == person and one["detail"].get("entered_by") == "capacity-api"]


def test_who_reads_a_queue_and_who_has_a_feed_from_when_to_when_is_entered(country: RunningNetwork) -> None:
    with client(country, "capacity", "operator", sub="watcher") as operator:
        programme = operator.get("/v1/capacity", params={"limit": 1}).json()["items"][0]["programme_id"]
        assert operator.get(f"/v1/queues/{programme}").status_code == 200
        with operator.stream("GET", "/v1/capacity/feed") as feed:
            assert feed.status_code == 200
    with client(country, "capacity", "center", "center-of-others", sub="watcher") as other:
        assert other.get(f"/v1/queues/{programme}").status_code == 403

    def acts() -> list[tuple[str, str, str | None]]:
        found = capacity_entries(country, "watcher")
        return sorted((one["act"], one["role"], one["refused"]) for one in found)

    expected = [
        ("end_feed", "operator", None), ("follow", "operator", None), ("show_queue", "center", "forbidden"),
        ("show_queue", "operator", None),
    ]  # fmt: skip
    wait_until(lambda: acts() == expected, "the reads and the feed's end are entered, and figures are not")
