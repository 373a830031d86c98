"""What one polyclinic sends neither hangs intake nor fills it: sizes, processor time and memory have bounds."""

import gzip
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from services.contracts.submissions import CSV_COLUMNS
from tests.support.children import POLYCLINIC, submissions
from tests.support.network import RunningNetwork
from tests.support.raw_http import Upload
from tests.support.servers import wait_until

NDJSON, CSV = "application/x-ndjson", "text/csv"
BULK = "/v1/diagnoses/bulk"
LARGE = 60_000


def body(number: int = 0, **changes: Any) -> dict[str, Any]:
    return submissions(1, 7_000 + number)[0] | changes


def line(one: object) -> bytes:
    return json.dumps(one, ensure_ascii=False).encode() + b"\n"


def headers(country: RunningNetwork, kind: str, **more: str) -> dict[str, str]:
    return country.headers("polyclinic", POLYCLINIC) | {"Content-Type": kind} | more


def intake(country: RunningNetwork) -> psutil.Process:
    return psutil.Process(country.pid("intake"))


def seconds_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def is_idle(process: psutil.Process) -> bool:
    before = seconds_of(process)
    time.sleep(1)
    return seconds_of(process) - before < 0.2


COSTLY = {
    "many modalities": body(modalities=["x"] * (LARGE // 5)),
    "one text of modalities": body(modalities="x;" * (LARGE // 2)),
    "modalities that are lists": body(modalities=[[]] * (LARGE // 4)),
    "unknown fields": body() | {f"k{n}": 1 for n in range(LARGE // 12)},
    "letters that become many": body(settlement_id="\ufdfa" * (LARGE // 3)),
    "letters that become many, in a list": body(modalities=["\ufdfa" * 400] * 40),
    "an unknown settlement": body(settlement_id="Алматы ауылы " * (LARGE // 24)),
    "half characters": body(not_duplicate_of=["\ud800"]) | {"child": "\ud800"},
    "ids that are none": body(not_duplicate_of=[1] * (LARGE // 3)),
    "depth": body(child=json.loads("[" * 900 + "]" * 900)),
}


@pytest.mark.parametrize("kind", COSTLY)
def test_thirty_costly_lines_are_answered_at_once_with_few_errors(country: RunningNetwork, kind: str) -> None:
    costly = json.dumps(COSTLY[kind], ensure_ascii=kind == "half characters").encode() + b"\n"
    process, before = intake(country), seconds_of(intake(country))
    answer = httpx2.post(
        country.url("intake") + BULK, content=costly * 30, headers=headers(country, NDJSON), timeout=60
    )
    results = [json.loads(one) for one in answer.content.splitlines()]
    assert [one["status"] for one in results] == [422] * 30
    assert all(0 < len(one["errors"]) <= 20 for one in results)
    assert len(answer.content) < 30 * 6_000
    assert seconds_of(process) - before < 10, "of the processor: at most a tenth for each line, and reading them"


def test_an_answer_says_how_many_errors_it_does_not_name(country: RunningNetwork) -> None:
    wrong = body() | {f"k{n}": 1 for n in range(30)}
    for path, content, kind in (("/v1/diagnoses", line(wrong), "application/json"), (BULK, line(wrong), NDJSON)):
        answer = httpx2.post(country.url("intake") + path, content=content, headers=headers(country, kind))
        told = answer.json()
        assert (len(told["errors"]), told["more_errors"]) == (20, 10)


def test_unknown_fields_are_never_answered_with_more_bytes_than_a_page(country: RunningNetwork) -> None:
    unknown = json.dumps({f"unknown-{n}": n for n in range(40_000)}).encode()
    nested = json.dumps({"programmes": [{}] * 100_000}).encode()
    deep, long = b'{"note":' * 5_000 + b"1" + b"}" * 5_000, json.dumps({"note": "1 " * 300_000}).encode()
    some = "01937e5a-7b3c-7c2a-9d4e-000000000001"
    for service, method, path, role in (
        ("intake", "POST", "/v1/diagnoses", "polyclinic"),
        ("intake", "PATCH", f"/v1/diagnoses/{some}", "polyclinic"),
        ("intake", "POST", "/v1/children/lookup", "polyclinic"),
        ("intake", "POST", f"/v1/children/{some}/join", "polyclinic"),
        ("referral", "POST", f"/v1/referrals/{some}/decline", "center"),
        ("referral", "PUT", "/v1/centers/c1", "operator"),
        ("referral", "PUT", "/v1/centers/c1/programmes/p1/places", "operator"),
    ):
        for content in (unknown, nested, deep, long):
            sent = country.headers(role, POLYCLINIC) | {"Content-Type": "application/json"}
            answer = httpx2.request(method, country.url(service) + path, content=content, headers=sent, timeout=20)
            assert answer.status_code in (413, 422), (path, answer.text[:300])
            assert len(answer.content) < 6_000
    many = "&".join(f"k{n}=1" for n in range(5_000))
    for service, path in (("referral", "/v1/referrals"), ("capacity", "/v1/capacity"), ("intake", "/v1/dead-letters")):
        answer = httpx2.get(f"{country.url(service)}{path}?{many}", headers=country.headers("operator"))
        assert answer.status_code in (400, 414, 422, 431), answer.text[:300]
        assert len(answer.content) < 6_000


@pytest.mark.parametrize("whole", [True, False])
def test_work_ends_when_the_client_has_left(country: RunningNetwork, whole: bool) -> None:
    process, before = intake(country), seconds_of(intake(country))
    for content in (
        line(COSTLY["letters that become many, in a list"]) * 90,
        line(COSTLY["many modalities"]) * 90,
        b"{}\n" * 300_000,
        line(body(settlement_id="Алматы ауылы")) * 5_000,
    ):
        with Upload(country.url("intake"), BULK, headers(country, NDJSON), reads=False) as upload:
            upload.send(iter([content]), seconds=2)
            if whole:
                upload.finish()
    wait_until(lambda: is_idle(process), "it works for nobody any more", seconds=30)
    assert seconds_of(process) - before < 10, "of the processor, for four that have left"


def test_sigterm_ends_intake_in_its_usual_time_amid_costly_lines(country: RunningNetwork) -> None:
    uploads = [Upload(country.url("intake"), BULK, headers(country, NDJSON), reads=False) for _ in range(4)]
    for one in uploads:
        one.send(iter([line(COSTLY["letters that become many, in a list"]) * 300]), seconds=1)
    process = intake(country)
    os.kill(process.pid, signal.SIGTERM)
    ended, _ = psutil.wait_procs([process], timeout=20)  # ten seconds of them for requests under way
    assert ended == [process], "it has ended"
    for one in uploads:
        one.socket.close()
    country.wait_restarted("intake", process.pid)
    assert intake(country).pid != process.pid


def test_a_client_that_does_not_read_fills_nothing_and_goes_on_with_its_key(country: RunningNetwork) -> None:
    rows = [line(one) for one in submissions(300, 991)]
    padding = b" " * 2_000 + b"{}\n"
    sent = headers(country, NDJSON, **{"Idempotency-Key": "does-not-read"})

    def file(further: int = 0) -> Iterator[bytes]:
        yield from (row + padding * 20 for row in rows)
        yield from (padding * 20 for _ in range(further))

    process = intake(country)
    before = process.memory_info().rss
    with Upload(country.url("intake"), BULK, sent, reads=False) as upload:
        taken = upload.send(file(further=5_000), seconds=3)
        opened = [os.readlink(one) for one in Path(f"/proc/{process.pid}/fd").iterdir()]
        assert not [one for one in opened if "deleted" in one], "no file holds results"
    assert taken < 100_000_000, "lines are read although no answer is"
    assert process.memory_info().rss - before < 60_000_000
    with Upload(country.url("intake"), BULK, sent) as upload:
        upload.send(file())
        status, answer = upload.end()
    results = [json.loads(one) for one in answer.splitlines()]
    assert (status, len(results)) == (200, 300 * 21)
    receipts = [one for one in results if one["status"] == 201]
    assert len(receipts) == 300
    assert any(one.get("replayed") for one in receipts), "recorded by the first, found by its key"
    assert len({one["referral_id"] for one in receipts}) == 300


HEADER = ",".join(CSV_COLUMNS).encode() + b"\n"


@pytest.mark.parametrize(
    ("kind", "parts", "status", "wanted"),
    [
        (NDJSON, [b"x" * 65_536] * 800, 200, {"too_long"}),
        (NDJSON, [b"\n" * 100_000] * 10 + [b"[]\n"], 422, {"json_not_lines"}),
        (NDJSON, [b"\0" * 1_000 + b"\n"] * 50, 200, {"json_invalid"}),
        (NDJSON, [b"x\n" * 500] * 40, 200, {"json_invalid"}),
        (NDJSON, [b'{"child":"\\ud800","child":"\\udc80"}\n'] * 5, 200, None),
        (NDJSON, [b'{"a":' * 5_000 + b"}" * 5_000 + b"\n"] * 5, 200, None),
        (NDJSON, [b'{"max_distance_km":' + b"9" * 50_000 + b"}\n"] * 20, 200, {"json_invalid"}),
        (NDJSON, [b'{"max_distance_km":1e999,"child":-0,"guardian":1E400}\n'] * 5, 200, None),
        (CSV, [b"a," * 50_000 + b"\n"], 422, {"too_long", "wrong_header"}),
        (CSV, [b"a," * 30_000 + b"\n"], 422, {"wrong_header"}),
        (CSV, [HEADER, *[b"," * 60_000 + b"x\n"] * 20], 200, {"wrong_cells"}),
        (CSV, [HEADER, *[b'"' + b'""' * 25_000 + b"\n"] * 20], 200, None),
        (CSV, [HEADER, *[b'a","' * 15_000 + b"\n"] * 20], 200, None),
        (CSV, [HEADER, *[b'"' * 60_001 + b"\n"] * 20], 200, None),
        (CSV, [HEADER, b'"', *[b"x" * 65_536] * 200], 200, {"too_long"}),
        (CSV, [HEADER, *[b"\xd0" * 60_000 + b"\n"] * 20], 200, None),
        (CSV, [HEADER, *[b'=cmd|"/c calc"!A0' * 3_000 + b"\n"] * 20], 200, None),
    ],
)
def test_a_bomb_is_refused_line_by_line_and_others_are_served_meanwhile(
    country: RunningNetwork, kind: str, parts: list[bytes], status: int, wanted: set[str] | None
) -> None:
    process = intake(country)
    before = process.memory_info().rss
    with Upload(country.url("intake"), BULK, headers(country, kind)) as upload:
        upload.send(parts)
        mine = body(8_000 + len(parts))
        sent = country.headers("polyclinic", "another")
        other = httpx2.post(country.url("intake") + "/v1/diagnoses", json=mine, headers=sent, timeout=20)
        assert other.status_code in (201, 409)
        got, answer = upload.end()
    assert got == status, answer[:300]
    results = [json.loads(one) for one in answer.splitlines()]
    codes = {error["code"] for one in results for error in one.get("errors", ())}
    assert wanted is None or codes & wanted, codes
    assert all(one["status"] == 422 for one in results)
    assert process.memory_info().rss - before < 60_000_000


def test_a_compressed_body_is_refused_unread(country: RunningNetwork) -> None:
    bomb = gzip.compress(b" " * 20_000_000)
    for path, kind in ((BULK, NDJSON), ("/v1/diagnoses", "application/json")):
        sent = headers(country, kind, **{"Content-Encoding": "gzip"})
        answer = httpx2.post(country.url("intake") + path, content=bomb, headers=sent)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding")


def test_reasons_full_of_digits_are_read_in_a_moment(country: RunningNetwork) -> None:
    some = "01937e5a-7b3c-7c2a-9d4e-000000000001"
    for note in ("+1" * 250, "1 " * 250, "1.1." * 125, "8 701 " * 80, "\ufdfa" * 500):
        answer = httpx2.post(
            f"{country.url('referral')}/v1/dead-letters/{some}/discard", json={"reason": note},
            headers=country.headers("operator"), timeout=20,
        )  # fmt: skip
        assert answer.status_code in (404, 422)
    wait_until(lambda: httpx2.get(f"{country.url('referral')}/livez").status_code == 200, "it lives")
