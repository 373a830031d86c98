"""The edge of the composed network: its certificate, and clients of the proxy by TLS, from addresses of their own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext, create_default_context
from typing import Any

import httpx2
import trustme

from services.kit.settings import CHECKOUT
from services.local.ports import LOOPBACK, Ports
from tests.support.console import Browser
from tests.support.servers import wait_until

DOMAIN = "joldama.test"
HOSTS = tuple(f"{one}.{DOMAIN}" for one in ("console", "intake", "referral", "capacity"))


@dataclass(frozen=True)
class Edge:
    """The proxy is at `port` of loopback; `tls` trusts its authority, and no other."""

    port: int
    folder: Path
    tls: SSLContext

    @classmethod
    def make(cls, folder: Path, port: int) -> "Edge":
        """A certificate for `HOSTS`, in files that the proxy's user can read."""
        authority, tls = trustme.CA(), create_default_context()
        authority.configure_trust(tls)
        issued = authority.issue_cert(*HOSTS)
        folder.mkdir(mode=0o755)
        issued.private_key_pem.write_to_path(str(folder / "tls.key"))
        for one in issued.cert_chain_pems:
            one.write_to_path(str(folder / "tls.crt"), append=True)
        for file in folder.iterdir():
            file.chmod(0o644)
        return cls(port, folder, tls)

    @property
    def settings(self) -> dict[str, str]:
        """For the file with the network's environment."""
        return {
            "COMPOSE_PROFILES": "trial,edge",
            "JOLDAMA_DOMAIN": DOMAIN,
            "JOLDAMA_CERTIFICATES_FOLDER": str(self.folder),
            "JOLDAMA_HTTPS_PORT": f"{LOOPBACK}:{self.port}",
            "JOLDAMA_CONSOLE_URL": f"https://console.{DOMAIN}",
        }

    def options(self, host: str) -> dict[str, Any]:
        """Of an HTTP client that knows the port of loopback as `host`, by its certificate too."""

        def name(request: httpx2.Request) -> None:
            request.headers["Host"] = request.extensions["sni_hostname"] = host

        return {"verify": self.tls, "event_hooks": {"request": [name]}}

    def browser(self, port: int = 0) -> Browser:
        """At the console; by another `port` than the proxy's where one leads to it."""
        return Browser(f"https://{LOOPBACK}:{port or self.port}", **self.options(f"console.{DOMAIN}"))

    def client(self, service: str) -> httpx2.Client:
        url = f"https://{LOOPBACK}:{self.port}"
        return httpx2.Client(base_url=url, timeout=30, trust_env=False, **self.options(f"{service}.{DOMAIN}"))


@contextmanager
def addresses(proxy: str, count: int, image: str) -> Iterator[list[int]]:
    """Ports of loopback, each of which leads to the proxy (a container) from an address of its own outside."""
    network, names = f"{proxy[:12]}-outside", [f"{proxy[:12]}-client-{one}" for one in range(count)]
    _docker("network", "create", network)
    try:
        _docker("network", "connect", "--alias", "edge", network, proxy)
        with Ports() as ports:
            chosen = [ports.choose() for _ in names]
            for name, port in zip(names, chosen, strict=True):
                _forward(name, port, network, image)
            yield chosen
    finally:
        _docker("rm", "--force", *names, check=False)
        _docker("network", "disconnect", "--force", network, proxy, check=False)
        _docker("network", "rm", network, check=False)


def _forward(name: str, port: int, network: str, image: str) -> None:
    """A container that forwards connections to the proxy; the proxy sees its address."""
    program = (CHECKOUT / "tests" / "compose" / "forward.py").read_text()
    _docker("run", "--detach", "--name", name, "--network", network, "--publish", f"{LOOPBACK}:{port}:9000",
            "--no-healthcheck", image, "python", "-c", program)  # fmt: skip
    wait_until(lambda: "listening" in _docker("logs", name), f"{name} forwards")


def _docker(*words: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True)
    assert not (check and done.returncode), f"docker {words[:2]}: {done.stderr}"
    return done.stdout
