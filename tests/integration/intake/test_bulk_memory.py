"""A bulk submission of any size is read in constant memory."""

from collections.abc import AsyncIterator

import httpx2
import orjson
import psutil

from tests.unit.intake.samples import child_body

LINES, BYTES_A_LINE, BOUND = 6_000, 16_000, 25_000_000


async def test_ninety_six_megabytes_are_read_with_a_quarter_of_that_memory(polyclinic: httpx2.AsyncClient) -> None:
    process, resident = psutil.Process(), []
    bodies = [orjson.dumps(child_body(n)).ljust(BYTES_A_LINE - 1) + b"\n" for n in range(100)]

    async def stream() -> AsyncIterator[bytes]:
        for number in range(LINES // 10):
            yield b"".join(bodies[number * 10 % 100 :][:10])
            resident.append(process.memory_info().rss)

    headers = {"Content-Type": "application/x-ndjson"}
    answer = await polyclinic.post("/v1/diagnoses/bulk", content=stream(), headers=headers, timeout=100)
    resident.append(process.memory_info().rss)
    results = answer.content.splitlines()
    assert len(results) == LINES
    assert sum(b'"status":201' in line for line in results) == 100
    grown = max(resident) - resident[LINES // 100]
    assert grown < BOUND, f"{grown / 1e6:.0f} MB more for {LINES * BYTES_A_LINE / 1e6:.0f} MB"
