"""The command against the real services."""

import json
import signal
import subprocess
import sys

import httpx2
import pytest

from services.cli import set_places
from services.local.issuer import issue_token
from tests.integration.cli.children import born_today, child, results
from tests.integration.cli.conftest import CHECKOUT, Country
from tests.support.terminal import run_joldama as joldama

DECLINED = "declined: the referral goes to the next nearest center"


def test_a_child_goes_to_the_nearest_center_and_on_to_the_next_when_that_declines(country: Country) -> None:
    country.register("near", "almaty", 1)
    country.register("far", "astana", 1)
    submitted = joldama("submit", "-", "--json", stdin=child(1))
    assert submitted.exit_code == 0, submitted.stderr
    id = results(submitted)[0]["referral_id"]
    assert joldama("referral", id).exit_code == 5

    country.carry()
    why = joldama("referral", id)
    assert why.exit_code == 0, why.output
    rows = [line.split() for line in why.stdout.splitlines()]
    assert ["1", "Center", "near", "near-in", "6.9", "1", "◀", "chosen"] in [row[:8] for row in rows], why.stdout
    assert any(row[:4] == ["2", "Center", "far", "far-in"] for row in rows), why.stdout

    assert joldama("seen", id).exit_code == 0
    declined = joldama("decline", id, "--reason", "no_capacity")
    assert (declined.exit_code, declined.stdout) == (0, f"Referral {id} {DECLINED}\n")
    country.carry()
    accepted = joldama("accept", id)
    assert accepted.exit_code == 0
    assert accepted.stdout.startswith(f"Referral {id} accepted, to be admitted on 20")
    story = json.loads(joldama("referral", id, "--json").stdout)
    assert [offer["state"] for offer in story["offers"]] == ["declined", "accepted"]
    assert "no_capacity" in joldama("referral", id).stdout


def test_a_waiting_child_s_queues_are_shown_with_programmes_that_opened_since(country: Country) -> None:
    country.register("near", "almaty", 1)
    first, second = (results(joldama("submit", "-", "--json", stdin=child(n)))[0]["referral_id"] for n in (1, 2))
    country.carry()
    shown = joldama("referral", second).stdout
    assert "Queues: a place about 20" in shown
    assert "Number 1 of 1 in the queue; 1 of 1 places are in use; the next comes free on 20" in " ".join(shown.split())
    assert "Opened while" not in shown

    country.register("far", "astana", 0)
    later = joldama("referral", second).stdout
    rows = [line.split()[:3] for line in later.splitlines()]
    assert ["Center", "far", "far-in"] in rows[rows.index(["Opened", "while", "the"]) :]
    assert "At Center near (near-in), the earliest of 2 queues: Number 1" in " ".join(later.split())
    assert "Queues:" not in joldama("referral", first).stdout


def test_a_polyclinic_corrects_the_home_and_the_phone_and_the_center_sees_that(country: Country) -> None:
    country.register("near", "almaty", 0)
    country.register("far", "astana", 1, catchment="settlement")
    id = results(joldama("submit", "-", "--json", stdin=child(1)))[0]["referral_id"]
    country.carry()
    assert json.loads(joldama("referral", id, "--json").stdout)["state"] == "waiting"
    ended = joldama("correct", id, "--settlement", "astana", "--phone", "+77010000009")
    assert (ended.exit_code, ended.stderr) == (0, "")
    for _ in range(3):
        country.carry()
    story = json.loads(joldama("referral", id, "--json").stdout)
    assert (story["state"], story["center_id"], story["settlement_id"]) == ("offered", "far", "astana")
    assert story["changed_at"]
    assert "guardian.phone" in joldama("referral", id).stdout
    refused = joldama("correct", id, "--gmfcs", "VI")
    assert refused.exit_code == 1
    assert "diagnosis.gmfcs" in refused.stderr


def test_a_newborn_who_gets_an_iin_is_one_child_with_the_earlier_turn(country: Country) -> None:
    country.register("near", "almaty", 0)
    born, iin = born_today()
    newborn = {"full_name": "Newborn", "birth_date": born, "sex": "female"}
    guardian = {"full_name": "Newborn's Parent", "phone": "+77010000077"}
    lines = child(0, child=newborn, guardian=guardian) + child(1) + child(2, child=newborn | {"iin": iin})
    first, _, second = results(joldama("submit", "-", "--json", stdin=lines))
    country.carry()
    taken = joldama("correct", first["referral_id"], "--iin", iin)
    assert f"joldama join {second['child_id']} {first['child_id']}" in taken.stderr
    assert first["child_id"] in joldama("referral", first["referral_id"]).stdout
    ended = joldama("join", second["referral_id"], first["referral_id"])
    assert (ended.exit_code, ended.stderr) == (0, "")
    for _ in range(2):
        country.carry()
    one, two = (json.loads(joldama("referral", of["referral_id"], "--json").stdout) for of in (first, second))
    assert (one["state"], two["state"], two["history"][-1]["reason"]) == ("waiting", "cancelled", "joined")
    assert one["child_id"] == second["child_id"]
    assert one["forecast"]["queues"][0]["position"] == 1


def test_a_refused_answer_prints_the_reason(country: Country) -> None:
    country.register("near", "almaty", 1)
    id = results(joldama("submit", "-", "--json", stdin=child(1)))[0]["referral_id"]
    country.carry()
    wrong_reason = joldama("decline", id, "--reason", "no_such_reason")
    assert wrong_reason.exit_code == 1
    assert "reason: must be one of" in wrong_reason.stderr
    assert joldama("accept", id, "--as", "polyclinic", "--org", "p").exit_code == 4
    assert joldama("accept", id, "--as", "center", "--org", "far").exit_code == 2, "there is no such center"
    country.register("far", "astana", 1)
    assert joldama("accept", id, "--as", "center", "--org", "far").exit_code == 5
    assert joldama("accept", id).exit_code == 0
    again = joldama("accept", id)
    assert again.exit_code == 1
    assert "illegal_transition" in again.stderr
    assert "allowed now: admit, no-show, decline" in again.stderr


def test_places_and_centers_are_listed(country: Country) -> None:
    country.register("near", "almaty", 7)
    country.register("far", "astana", 0)
    listed = joldama("capacity").stdout
    assert listed.startswith("2 programmes, 7 of 7 places free")
    free = json.loads(joldama("capacity", "--free", "--json").stdout)
    assert [one["programme_id"] for one in free] == ["near-in"]
    assert [one["id"] for one in json.loads(joldama("centers", "--json").stdout)] == ["far", "near"]
    assert "Center near" in joldama("centers").stdout


def test_a_center_sets_confirms_and_suspends_its_figure_and_a_waiting_child_gets_the_place(country: Country) -> None:
    country.register("near", "almaty", 0)
    assert joldama("submit", "-", stdin=child(1)).exit_code == 0
    country.carry()
    with country.carrying():
        suspended = joldama("set-places", "near-in", "2", "--suspend")
        assert suspended.stdout == "near-in has 2 places, 0 free, 1 wait; suspended: it gives no places\n"
        assert joldama("set-places", "near-in", "--resume").stdout == "near-in has 2 places, 1 free, 0 wait\n"
        confirmed = joldama("set-places", "near-in").stdout
        assert confirmed == "near-in has 2 places, 1 free, 0 wait; the figure is confirmed\n"
        fewer = joldama("set-places", "near-in", "0", "--json")
        assert [json.loads(fewer.stdout)[name] for name in ("places", "held", "overcommitted")] == [0, 1, 1]
        assert "overcommitted by 1" in joldama("set-places", "near-in", "0").stdout
    rows = [row.split()[:7] for row in joldama("capacity").stdout.splitlines()]
    assert ["near-in", "inpatient", "0", "-1", "1", "0", "0"] in rows
    assert joldama("set-places", "no-such", "1").exit_code == 5
    assert joldama("set-places", "near-in", "1", "--as", "center", "--org", "far").exit_code == 2
    country.register("far", "astana", 1)
    assert joldama("set-places", "near-in", "1", "--as", "center", "--org", "far").exit_code == 4


def test_a_figure_is_set_before_capacity_applies_it(country: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_places, "PATIENCE", 0.3)
    country.register("near", "almaty", None)
    assert "never" in joldama("capacity").stdout
    unset = joldama("set-places", "near-in")
    assert (unset.exit_code, unset.stdout) == (2, "")
    early = joldama("set-places", "near-in", "4")
    assert (early.exit_code, early.stderr) == (0, "")
    assert early.stdout == "near-in has 4 places; capacity does not show that yet, and will as soon as it can\n"
    country.carry()
    assert joldama("capacity").stdout.startswith("1 programmes, 4 of 4 places free")


def test_the_reference_data_are_registered_without_changing_registered_centers(country: Country) -> None:
    country.register("near", "almaty", None)
    country.register("own", "almaty", 3)
    data = str(country.referral.data)
    assert joldama("register-centers", "--data", data).stdout == "1 centers registered\n"
    assert joldama("register-centers", "--data", data).stdout.startswith("0 centers registered: all of them")
    country.carry()
    figures = {one["programme_id"]: one["places"] for one in json.loads(joldama("capacity", "--json").stdout)}
    assert figures == {"near-in": 12, "own-in": 3, "far-in": 30}
    assert [line.split()[-2:] for line in joldama("centers").stdout.splitlines()[2:]] == [
        ["1", "30"],
        ["1", "12"],
        ["1", "3"],
    ]


def test_the_feed_is_read_from_a_given_event(country: Country) -> None:
    country.register("near", "almaty", 7)
    joldama("submit", "-", stdin=child(1))
    start = _newest_event(country)
    country.carry()
    ended = joldama("watch", "--since", start, "--count", "1")
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout.splitlines()[-1].split()[1:] == ["held", "Center", "near", "inpatient", "6", "7", "0"]


def test_the_feed_is_watched_while_children_are_routed(country: Country) -> None:
    country.register("near", "almaty", 7)
    command = [sys.executable, "-m", "services.cli.main", "watch", "--json", "--count", "1"]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as watching:
        number = 0
        while watching.poll() is None:
            number += 1
            assert joldama("submit", "-", stdin=child(number)).exit_code == 0
            country.carry()
        told, _ = watching.communicate()
    assert watching.returncode == 0
    data = json.loads(told)["data"]
    assert data.get("programme_id") == "near-in" or data["programme_ids"] == ["near-in"]  # held, or queued by then


def test_ctrl_c_ends_a_watch_quietly(country: Country) -> None:
    country.register("near", "almaty", 7)
    command = [sys.executable, "-m", "services.cli.main", "watch"]
    with subprocess.Popen(
        command, cwd=CHECKOUT, preexec_fn=_restore_interrupts, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as watching:
        assert watching.stdout is not None
        watching.stdout.readline()  # the header: it follows now
        watching.send_signal(signal.SIGINT)
        _, told = watching.communicate()
    assert (watching.returncode, told) == (130, b"")


def _restore_interrupts() -> None:
    """A run in the background ignores SIGINT, and its children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _newest_event(country: Country) -> str:
    headers = {"Authorization": f"Bearer {issue_token(country.home, ['operator'])}"}
    answer = httpx2.get(f"{country.urls['capacity']}/v1/capacity", headers=headers)
    return str(answer.json()["last_event_id"])


@pytest.mark.parametrize("command", [("referral", "0" * 32), ("capacity",), ("watch",)])
def test_a_token_of_another_issuer_is_not_allowed(country: Country, command: tuple[str, ...]) -> None:
    ended = joldama(*command, "--token", "ey.not.one")
    assert ended.exit_code == 4
    assert "--token" in ended.stderr


def test_a_child_goes_to_another_polyclinic_when_its_own_agrees(country: Country) -> None:
    country.register("near", "almaty", 1)
    sent = child(1)
    id = results(joldama("submit", "-", "--json", stdin=sent))[0]["referral_id"]
    country.carry()
    who = json.loads(sent.splitlines()[0])["child"]
    asker = ("--as", "polyclinic", "--org", "p2")
    words = ("--iin", who["iin"], "--name", who["full_name"], "--birth-date", who["birth_date"])
    asked = joldama("transfer", "ask", *words, *asker)
    assert asked.exit_code == 0, asked.output
    [one] = json.loads(joldama("transfer", "list", "--json").stdout)
    assert (one["state"], one["referral_id"], one["to_polyclinic"]) == ("asked", id, "p2")
    assert "0 transfers" in joldama("transfer", "list", "--overdue").stdout
    refused = joldama("transfer", "accept", one["transfer_id"], *asker)
    assert refused.exit_code == 5, refused.output
    accepted = joldama("transfer", "accept", one["transfer_id"], "--as", "polyclinic")
    assert accepted.stdout == f"Transfer {one['transfer_id']} accepted\n", accepted.output
    country.carry()
    assert json.loads(joldama("referral", id, "--json", *asker).stdout)["polyclinic_id"] == "p2"
    assert joldama("referral", id, "--as", "polyclinic").exit_code == 5
    assert "1 transfers" in joldama("transfer", "list").stdout
