"""Probes: what is live, what is ready, and why not."""

import asyncio

import httpx2

from services.kit.http.health import Health
from services.kit.http.server import probe_app
from services.kit.loops import Progress


async def fine() -> None: ...


async def broken() -> None:
    raise ConnectionError("no broker answers")


async def ready(checks: Health) -> tuple[int, dict[str, object]]:
    transport = httpx2.ASGITransport(probe_app(checks))
    async with httpx2.AsyncClient(transport=transport, base_url="http://probe") as client:
        assert (await client.get("/livez")).status_code == 200
        assert "process_cpu_seconds_total" in (await client.get("/metrics")).text
        answer = await client.get("/readyz")
        return answer.status_code, answer.json()


async def test_ready_when_every_check_passes() -> None:
    assert await ready(Health(a=fine)) == (200, {"ready": True, "checks": {"a": "ok"}})


async def test_not_ready_names_the_failing_checks_with_their_reasons() -> None:
    status, body = await ready(Health(a=fine, kafka=broken))
    assert (status, body["checks"]) == (503, {"a": "ok", "kafka": "no broker answers"})


async def test_what_is_not_ready_is_a_metric_for_an_alarm() -> None:
    transport = httpx2.ASGITransport(probe_app(Health(watched=fine, broken=broken)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://probe") as client:
        told = (await client.get("/metrics")).text
    assert 'joldama_ready{check="watched"} 1.0' in told
    assert 'joldama_ready{check="broken"} 0.0' in told


async def test_a_check_that_hangs_is_not_ready() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    assert await Health(a=hang).failing(within=0.01) == {"a": "TimeoutError"}


async def test_progress_is_red_after_its_time_and_green_after_a_turn() -> None:
    progress = Progress(within=-1)
    assert "no progress" in (await Health(loop=progress.check).failing())["loop"]
    assert await Health(loop=Progress(within=60).check).failing() == {}


async def test_probes_of_a_process_without_an_api_redirect_nothing() -> None:
    transport = httpx2.ASGITransport(probe_app(Health()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://process") as client:
        answers = [await client.get(path) for path in ("livez", "livez/", "readyz/", "metrics/", "no-such-path/")]
    assert [one.status_code for one in answers] == [200, 404, 404, 404, 404]
