"""TLS between services: real certificates on the port inside, and clients that trust their authority alone."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
import trustme
from pydantic import ValidationError

from services.kit.http.health import Health
from services.kit.http.server import probes
from services.kit.http.tls import trusted
from services.kit.settings import CHECKOUT, ServiceSettings
from services.local.ports import LOOPBACK, Ports
from tests.support.eventually import eventually


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def settings(authority: trustme.CA, tmp_path: Path) -> ServiceSettings:
    certificate = authority.issue_cert(LOOPBACK, "localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with Ports() as ports:
        return ServiceSettings(
            mode="local", kafka_servers="unused", inside_port=ports.choose(), tls_cert_file=tmp_path / "cert.pem",
            tls_key_file=tmp_path / "key.pem", services_ca_file=tmp_path / "ca.pem",
        )  # fmt: skip


@asynccontextmanager
async def serving(settings: ServiceSettings) -> AsyncIterator[str]:
    url = f"https://{LOOPBACK}:{settings.inside_port}"
    async with probes(Health(), settings):

        async def listens() -> bool:
            try:
                _, writer = await asyncio.open_connection(LOOPBACK, settings.inside_port)
            except OSError:
                return False
            writer.close()
            return True

        await eventually(listens, "the port inside listens")
        yield url


async def get(url: str, ca_file: Path | None) -> int:
    async with httpx2.AsyncClient(base_url=url, verify=trusted(url, ca_file)) as client:
        return (await client.get("/readyz")).status_code


async def test_services_talk_by_https_with_a_certificate_of_their_authority(settings: ServiceSettings) -> None:
    async with serving(settings) as url:
        assert await get(url, settings.services_ca_file) == 200


async def test_a_certificate_of_another_authority_is_refused(settings: ServiceSettings, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    async with serving(settings) as url:
        for ca_file in (tmp_path / "other.pem", None):
            with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await get(url, ca_file)


async def test_a_certificate_for_another_name_is_refused(
    settings: ServiceSettings, authority: trustme.CA, tmp_path: Path
) -> None:
    certificate = authority.issue_cert("capacity.example")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    async with serving(settings) as url:
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await get(url, settings.services_ca_file)


async def test_plain_http_is_not_answered_where_there_is_a_certificate(settings: ServiceSettings) -> None:
    async with serving(settings) as url:
        with pytest.raises(httpx2.TransportError):
            await get(url.replace("https", "http"), None)


async def test_the_image_s_health_check_asks_by_tls(settings: ServiceSettings) -> None:
    environment = os.environ | {
        "JOLDAMA_INSIDE_PORT": str(settings.inside_port), "JOLDAMA_TLS_CERT_FILE": str(settings.tls_cert_file),
    }  # fmt: skip
    async with serving(settings):
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-IS", str(CHECKOUT / "deploy" / "ready.py")],
            env=environment, capture_output=True, text=True,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert '"ready":true' in done.stdout


def test_a_certificate_without_its_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="JOLDAMA_TLS_KEY_FILE"):
        ServiceSettings(mode="local", kafka_servers="unused", tls_cert_file=Path("cert.pem"))
