"""One `docker compose` project: its start, clients of its public APIs, faults, and its end."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from services.kit.settings import CHECKOUT
from services.local.ports import LOOPBACK, Ports
from tests.compose.edge import Edge

POLYCLINIC = "polyclinic-of-tests"
APIS = ("intake", "referral", "capacity")
IMAGE = "joldama:test"


@dataclass(frozen=True)
class Composed:
    """`ports` are those published on loopback, by service."""

    project: str
    env_file: Path
    ports: Mapping[str, int]
    edge: Edge
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def up(cls, folder: Path) -> Iterator["Composed"]:
        with Ports() as ports:
            chosen = {name: ports.choose() for name in (*APIS, "console")}
            edge = Edge.make(folder / "certificates", ports.choose())
            env = _write_env(folder / ".env", chosen, edge)
            network = cls(f"joldama-test-{uuid4().hex[:8]}", env, chosen, edge)
            try:
                network.compose("up", "--build", "--no-start", "--quiet-pull")
                network.trust_proxy()
                network.compose("up", "--wait")
                yield network
            finally:
                network.compose("down", "--volumes", "--timeout", "5", check=False)

    def trust_proxy(self) -> None:
        """As docs/real-stack.md says: who forwards is believed in the network of the public ports."""
        network = f"{self.project}_front"
        inspect = ["docker", "network", "inspect", network, "--format", "{{(index .IPAM.Config 0).Subnet}}"]
        subnet = subprocess.run(inspect, capture_output=True, text=True, check=True).stdout.strip()
        with self.env_file.open("a") as out:
            out.write(f"JOLDAMA_TRUSTED_PROXIES={subnet}\n")

    def compose(self, *words: str, check: bool = True) -> str:
        """The output of `docker compose words…`; a failure shows the end of its log."""
        command = ["docker", "compose", "--env-file", str(self.env_file), "--project-name", self.project, *words]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
        if check and done.returncode:
            logs = self.compose("logs", "--no-color", "--tail", "15", check=False) if words[0] == "up" else ""
            raise AssertionError(f"docker compose {words}: {done.returncode}\n{done.stderr[-3000:]}\n{logs[-12000:]}")
        return done.stdout

    def token(self, role: str, org: str = "") -> str:
        """A token of the trial's issuer, cached."""
        if (role, org) not in self.tokens:
            words = ("joldama", "token", role, *(("--org", org) if org else ()))
            self.tokens[role, org] = self.compose("exec", "-T", "issuer", *words).strip()
        return self.tokens[role, org]

    def client(self, api: str, role: str, org: str = "") -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=f"http://{LOOPBACK}:{self.ports[api]}",
            headers={"Authorization": f"Bearer {self.token(role, org)}"},
            timeout=30,
            trust_env=False,
        )

    def joldama(self, *words: str, stdin: str = "") -> str:
        """The output of the `joldama` command on this machine, as the polyclinic of the tests."""
        environment = {f"JOLDAMA_{api.upper()}_URL": f"http://{LOOPBACK}:{port}" for api, port in self.ports.items()}
        environment["JOLDAMA_TOKEN"] = self.token("polyclinic", POLYCLINIC)
        done = subprocess.run(
            [sys.executable, "-m", "services.cli.main", *words],
            cwd=CHECKOUT, env={**os.environ, **environment}, input=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"joldama {words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def submit(self, count: int, seed: int) -> set[str]:
        """Submit made-up children by the `joldama` command; the referrals' ids."""
        children = self.joldama("demo-children", "--count", str(count), "--seed", str(seed))
        results = [json.loads(line) for line in self.joldama("submit", "-", "--json", stdin=children).splitlines()]
        assert len(results) == count
        return {one["referral_id"] for one in results}

    def operator(self, *words: str, check: bool = True) -> str:
        """The output of the `joldama` command as docs/operations.md runs it: in a container, as an operator."""
        return self.compose("run", "--rm", "-T", "joldama", *words, check=check)

    def kill_process(self, service: str) -> None:
        """SIGKILL to the container's process, from within: its restart policy must restart it."""
        self.compose("exec", "-T", service, "sh", "-c", "kill -9 $(cat /proc/1/task/1/children)", check=False)

    def inspect(self, service: str) -> dict[str, Any]:
        """`docker inspect` of the service's container."""
        container = self.compose("ps", "--all", "--quiet", service).strip()
        done = subprocess.run(["docker", "inspect", container], capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)[0]
        return found

    def health(self, service: str) -> str:
        return str(self.inspect(service)["State"].get("Health", {}).get("Status", ""))


def _write_env(file: Path, ports: Mapping[str, int], edge: Edge) -> Path:
    """Fresh secrets as `make env` makes them, and the ports and the edge of this test."""
    subprocess.run([sys.executable, "deploy/make_env.py", str(file)], cwd=CHECKOUT, check=True)
    with file.open("a") as out:
        out.writelines(f"JOLDAMA_{api.upper()}_PORT={port}\n" for api, port in ports.items())
        out.writelines(f"{name}={value}\n" for name, value in edge.settings.items())
        out.write(f"JOLDAMA_IMAGE={IMAGE}\n")
    return file


async def pages(http: httpx2.AsyncClient, path: str, **params: str) -> AsyncIterator[dict[str, Any]]:
    """The items of a cursor-paged list."""
    cursor: dict[str, str] = {}
    while True:
        answer = await http.get(path, params={**params, **cursor})
        assert answer.is_success, answer.text
        for item in answer.json()["items"]:
            yield item
        if not answer.json()["next"]:
            return
        cursor = {"cursor": answer.json()["next"]}
