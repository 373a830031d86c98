"""The keeper of a local network's processes, with small stand-ins for the services and a real Valkey."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from services.local import orphans
from services.local.home import AlreadyRunning, Home
from services.local.network import Network, NotReady
from services.local.parts import SERVICES, Blueprint, Part, answers_ready
from services.local.parts import servers as real_servers
from services.local.plan import Plan
from services.local.ports import is_free
from services.local.watch import Watch
from tests.support.servers import wait_until


@pytest.fixture(autouse=True)
def _no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOLDAMA_KAFKA_SERVERS", "127.0.0.1:1")


def stand_ins(plan: Plan, *words: str) -> list[Part]:
    return [
        Part(
            name,
            SERVICES,
            (sys.executable, "-m", "tests.support.stand_in", name, *words),
            partial(answers_ready, plan.ports[name]),
            {"JOLDAMA_PORT": str(plan.ports[name]), "ODD": "50 % of 'it', a=b"},
        )
        for name in ("intake", "capacity")
    ]


SMALL = Blueprint(real_servers, stand_ins, lambda plan: [])


def home_in(folder: Path) -> Home:
    return Home(folder / "home")


def test_every_part_runs_and_nothing_is_left_after_the_end(tmp_path: Path) -> None:
    with Network(home_in(tmp_path), print, SMALL) as network:
        network.start()
        pids = [network.pid(name) for name in ("valkey", "intake", "capacity")]
        assert all(psutil.pid_exists(pid) for pid in pids)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert orphans.processes_of(home_in(tmp_path)) == []


def test_a_part_that_is_killed_runs_again_and_it_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    with Network(home_in(tmp_path), said.append, SMALL) as network:
        network.start()
        watch, before = Watch(network, said.append), network.pid("intake")
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: network.pid("intake") not in (0, before), "intake runs again")
        watch.look()
        assert any(line.startswith("intake died and was started again") for line in said)


def test_a_killed_process_manager_means_a_new_start_of_all(tmp_path: Path) -> None:
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
    broken = Blueprint(lambda plan: [], lambda plan: stand_ins(plan, "dies")[:1], lambda plan: [])
    with Network(home_in(tmp_path), print, broken) as network, pytest.raises(NotReady) as refusal:
        network.start()
    assert "intake is not ready" in str(refusal.value)
    assert "it cannot start" in str(refusal.value)


def test_a_second_start_in_the_same_home_says_who_runs_it(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    with home.held(), pytest.raises(AlreadyRunning, match=str(os.getpid())), Network(home, print, SMALL):
        pass


def test_two_homes_run_side_by_side_on_ports_of_their_own(tmp_path: Path) -> None:
    with (
        Network(home_in(tmp_path / "a"), print, SMALL) as one,
        Network(home_in(tmp_path / "b"), print, SMALL) as two,
    ):
        first, second = one.start(), two.start()
        assert not set(first.ports.values()) & set(second.ports.values())
        assert one.home.read()["intake"] != two.home.read()["intake"]


def test_ports_are_remembered_and_given_up_when_somebody_else_has_taken_them(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    ports = []
    for _ in range(2):
        with Network(home, print, SMALL) as network:
            ports.append(network.start().ports["intake"])
    assert ports[0] == ports[1]
    stranger = subprocess.Popen([sys.executable, "-m", "http.server", str(ports[0]), "--bind", "127.0.0.1"])
    try:
        wait_until(lambda: not is_free(ports[0]), "the stranger listens", stranger)
        with Network(home, print, SMALL) as network:
            assert network.start().ports["intake"] != ports[0]
    finally:
        stranger.kill()
        stranger.wait()


def test_a_home_with_a_long_odd_path_works(tmp_path: Path) -> None:
    home = Home(tmp_path / ("a long path with 50 % odd қазақша " * 2))
    with Network(home, print, SMALL) as network:
        network.start()
        assert network.pid("capacity")


def test_the_parts_end_when_their_owner_is_killed(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    owner = start_owner(home)
    try:
        assert orphans.processes_of(home)
    finally:
        owner.kill()
        owner.wait()
    wait_until(lambda: not orphans.processes_of(home), "nothing of the network runs")


def test_a_start_after_everything_was_killed_or_left_behind_ends_only_its_own(tmp_path: Path) -> None:
    home, other = home_in(tmp_path / "a"), home_in(tmp_path / "b")
    with Network(other, print, SMALL) as neighbor:
        neighbor.start()
        untouched = neighbor.pid("intake")
        owner = start_owner(home)
        left = orphans.processes_of(home)
        for process in left:  # the keepers die, the kept stay behind
            if "supervisor" in " ".join(process.cmdline()) or "guard" in " ".join(process.cmdline()):
                process.kill()
        owner.kill()
        owner.wait()
        said: list[str] = []
        with Network(home, said.append, SMALL) as network:
            network.start()
            assert said[0].startswith("Ended 3 processes")
        assert neighbor.pid("intake") == untouched


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
