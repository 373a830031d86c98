"""The process management of a local network: supervisord, a real Valkey, and stubs of the services."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import pytest

from services.kit.launch import COMMAND
from services.local import orphans
from services.local.forking import FORKS
from services.local.home import AlreadyRunning, Home
from services.local.network import Network, NotReady
from services.local.parts import SERVICES, Blueprint, Part, answers_ready
from services.local.parts import jobs as real_jobs
from services.local.parts import servers as real_servers
from services.local.plan import Plan
from services.local.ports import is_free
from services.local.stamps import due_jobs
from services.local.watch import Watch
from tests.support.servers import wait_until


@pytest.fixture(autouse=True)
def _no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOLDAMA_KAFKA_SERVERS", "127.0.0.1:1")


ODD = """ 'әлия' "50 %41" #1; a,b \\n? $HOME&=+"""
"""A value, or a folder's name, with characters that mean something to one of the formats in which it is written."""

EXECUTED = (sys.executable, "-m")
BEGINS = {"intake": COMMAND, "capacity": EXECUTED}
"""How the stubs' commands begin: that of intake is forked."""


def stubs(plan: Plan, *words: str, begins: Mapping[str, Sequence[str]] = BEGINS) -> list[Part]:
    return [
        Part(
            name,
            SERVICES,
            (*begin, "tests.support.stub_service", name, *words),
            partial(answers_ready, plan.inside_port(name)),
            {"JOLDAMA_INSIDE_PORT": str(plan.inside_port(name)), "ODD": ODD},
        )
        for name, begin in begins.items()
    ]


SMALL = Blueprint(real_servers, stubs, lambda plan: [])


def home_in(folder: Path) -> Home:
    return Home(folder / "home")


def test_every_part_runs_and_no_process_is_left_at_the_end(tmp_path: Path) -> None:
    with Network(home_in(tmp_path), print, SMALL) as network:
        network.start()
        pids = [network.pid(name) for name in ("valkey", "intake", "capacity")]
        assert all(psutil.pid_exists(pid) for pid in pids)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert orphans.processes_of(home_in(tmp_path)) == []


def test_a_killed_part_is_restarted_and_reported(tmp_path: Path) -> None:
    said: list[str] = []
    with Network(home_in(tmp_path), said.append, SMALL) as network:
        network.start()
        watch, before = Watch(network, said.append), network.pid("intake")
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: network.pid("intake") not in (0, before), "intake runs again")
        watch.look()
        assert any(line.startswith("intake died and was started again") for line in said)


def test_a_killed_process_manager_restarts_everything(tmp_path: Path) -> None:
    said: list[str] = []
    with Network(home_in(tmp_path), said.append, SMALL) as network:
        network.start()
        watch, before = Watch(network, said.append), network.pid("intake")
        supervisord = psutil.Process(before).ppid()
        os.kill(supervisord, signal.SIGKILL)
        wait_until(lambda: not network.supervisor.alive, "supervisord is gone")
        watch.look()
        assert "every part is running again" in said
        assert network.pid("intake") not in (0, before)
        assert not psutil.pid_exists(before)


def test_a_part_that_cannot_start_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    broken = Blueprint(lambda plan: [], lambda plan: stubs(plan, "dies")[:1], lambda plan: [])
    with Network(home_in(tmp_path), print, broken) as network, pytest.raises(NotReady) as refusal:
        network.start()
    assert "intake is not ready" in str(refusal.value)
    assert "it cannot start" in str(refusal.value)


def test_a_second_start_in_one_home_names_the_process_that_runs_it(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    with home.held(), pytest.raises(AlreadyRunning, match=str(os.getpid())), Network(home, print, SMALL):
        pass


def test_two_homes_run_side_by_side_on_ports_of_their_own(tmp_path: Path) -> None:
    with Network(home_in(tmp_path / "a"), print, SMALL) as one, Network(home_in(tmp_path / "b"), print, SMALL) as two:
        first, second = one.start(), two.start()
        assert not set(first.ports.values()) & set(second.ports.values())
        assert one.home.read()["intake"] != two.home.read()["intake"]


def test_ports_are_remembered_and_replaced_when_another_process_has_taken_them(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    ports = []
    for _ in range(2):
        with Network(home, print, SMALL) as network:
            ports.append(network.start().ports["intake"])
    assert ports[0] == ports[1]
    other = subprocess.Popen([sys.executable, "-m", "http.server", str(ports[0]), "--bind", "127.0.0.1"])
    try:
        wait_until(lambda: not is_free(ports[0]), "the other process listens", other)
        with Network(home, print, SMALL) as network:
            assert network.start().ports["intake"] != ports[0]
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("name", [ODD, f"long {ODD}" * 2], ids=["odd", "long"])
def test_a_home_with_any_name_is_started_twice(tmp_path: Path, name: str) -> None:
    home = Home(tmp_path / name)
    for _ in range(2):
        with Network(home, print, SMALL) as network:
            network.start()
            assert environment_of(network, "capacity")["JOLDAMA_JWKS"] == str(home.secrets / "jwks.json")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_servers_and_the_databases_keep_their_data_in_a_home_with_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOLDAMA_KAFKA_SERVERS")
    monkeypatch.setenv("LC_ALL", "C")
    home, stored = Home(tmp_path / ODD), []
    for _ in range(2):
        with Network(home, print, Blueprint(real_servers, lambda plan: [], real_jobs)) as network:
            plan = network.start()
            assert plan.kafka
            assert due_jobs(real_jobs(plan), home.root / "jobs.json") == []
        stored.append((plan.kafka.cluster_id, sorted(home.root.glob("kafka/data/joldama.*"))))
    assert stored[0] == stored[1]
    assert stored[0][1]
    assert {path.name for path in home.sql.glob("*.sqlite3")} == {"intake.sqlite3", "referral.sqlite3"}
    assert [path.name for path in tmp_path.iterdir()] == [ODD]


def test_a_part_gets_its_environment_as_it_is(tmp_path: Path) -> None:
    with Network(home_in(tmp_path), print, SMALL) as network:
        network.start()
        assert environment_of(network, "intake")["ODD"] == ODD


def test_a_forked_part_is_as_an_executed_one(tmp_path: Path) -> None:
    forked = partial(stubs, begins={"intake": COMMAND, "referral": COMMAND, "capacity": EXECUTED})
    with Network(home_in(tmp_path), print, Blueprint(lambda plan: [], forked, lambda plan: [])) as network:
        network.start()
        told = {name: told_by(network, name) for name in ("intake", "referral", "capacity")}
        programs = {name: psutil.Process(network.pid(name)).cmdline() for name in told}
    for one in told.values():
        del one["environment"]["JOLDAMA_INSIDE_PORT"], one["environment"]["SUPERVISOR_PROCESS_NAME"]
    numbers, ids = zip(*[one.pop("chance") for one in told.values()], strict=True)
    assert told["intake"] == told["referral"] == told["capacity"]
    assert len(set(numbers)) == len(told), "a fork repeats no random numbers"
    assert len({one[-12:] for one in ids}) == len(told), "nor the random part of ids"
    assert (programs["intake"][0] == "joldama intake") is FORKS, "where it is forked, people find it by its name"


def test_a_part_whose_file_cannot_be_read_is_tried_again_and_leaves_the_others_alone(tmp_path: Path) -> None:
    with Network(home_in(tmp_path), print, SMALL) as network:
        network.start()
        file, other = network.home.root / "parts" / "intake.json", network.pid("capacity")
        text = file.read_text()
        file.write_text("{")
        os.kill(network.pid("intake"), signal.SIGKILL)
        wait_until(lambda: network.supervisor.running()["intake"].state == "BACKOFF", "supervisord says so")
        file.write_text(text)
        wait_until(lambda: network.pid("intake") != 0, "intake runs again")
        assert network.pid("capacity") == other


def told_by(network: Network, part: str) -> dict[str, Any]:
    """What the stub of `part` says of itself."""
    assert network.plan is not None
    with urlopen(network.plan.inside_url(part)) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


def environment_of(network: Network, part: str) -> dict[str, str]:
    environment: dict[str, str] = told_by(network, part)["environment"]
    return environment


def test_the_parts_end_when_their_owner_is_killed(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    owner = start_owner(home)
    try:
        assert orphans.processes_of(home)
    finally:
        owner.kill()
        owner.wait()
    wait_until(lambda: not orphans.processes_of(home), "nothing of the network runs")


def test_a_start_ends_orphans_of_its_own_home_only(tmp_path: Path) -> None:
    home, other = home_in(tmp_path / "a"), home_in(tmp_path / "b")
    with Network(other, print, SMALL) as neighbor:
        neighbor.start()
        untouched = neighbor.pid("intake")
        owner = start_owner(home)
        left = orphans.processes_of(home)
        for process in left:  # the process manager dies, its children are orphans
            if "supervisor" in " ".join(process.cmdline()) or "guard" in " ".join(process.cmdline()):
                process.kill()
        owner.kill()
        owner.wait()
        left, said = orphans.processes_of(home), list[str]()
        assert len(left) >= 3
        with Network(home, said.append, SMALL) as network:
            network.start()
            assert said[0].startswith(f"Ended {len(left)} processes")
        assert neighbor.pid("intake") == untouched


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_in_the_background_of_a_script_ends_at_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    """A shell without job control starts it with SIGINT ignored. This network waits for a Kafka that is away."""
    home = home_in(tmp_path)
    script = f"{shlex.quote(sys.executable)} -m services.cli.main up & echo $!; wait $!; echo $?"
    environment = {**os.environ, "JOLDAMA_HOME": str(home.root)}
    shell = subprocess.Popen(["/bin/sh", "-c", script], env=environment, stdout=subprocess.PIPE, text=True)
    assert shell.stdout is not None
    up = int(shell.stdout.readline())
    wait_until(lambda: bool(orphans.processes_of(home)), "the network starts", shell)
    os.kill(up, number)
    told, _ = shell.communicate(timeout=60)
    assert told.splitlines()[-2:] == ["Joldama is stopped; its data is kept.", "0"]
    assert not orphans.processes_of(home)


OWNER = """
import sys, time
from pathlib import Path
from services.local.home import Home
from services.local.network import Network
from tests.integration.test_local_network import SMALL
with Network(Home(Path(sys.argv[1])), print, SMALL) as network:
    network.start()
    print("started", flush=True)
    time.sleep(100)
"""


def start_owner(home: Home) -> "subprocess.Popen[str]":
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(home.root)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "started\n"
    owner.stdout.close()
    return owner
