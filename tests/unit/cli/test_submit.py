"""`joldama submit` against a stub of intake."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi import FastAPI, Request, Response
from starlette.responses import StreamingResponse

from services.cli import client
from services.kit.http.problem_answers import install_problems
from services.kit.http.problems import Problem
from services.kit.settings import CHECKOUT
from tests.unit.cli.conftest import Harness, Joldama

UNRECORDED = {"status": 503, "code": "unavailable", "detail": "Not recorded: send this line again."}
REFUSAL = {
    "status": 422, "code": "validation_failed", "detail": "child.iin: its check digit does not fit",
    "errors": [{"field": "child.iin", "code": "invalid_iin", "message": "its check digit does not fit"}],
}  # fmt: skip

WARNING = {"field": "child.sex", "code": "iin_sex_mismatch", "message": "is \x1b[31m\x9b31mred"}


class Intake:
    """A stub of intake: submissions with `"bad": true` are refused; `faults` are those of the next parts."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[str] = []
        self.app = FastAPI()
        install_problems(self.app)
        self.app.post("/v1/diagnoses/bulk")(self.bulk)

    async def bulk(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        self.headers.append(dict(request.headers))
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "unavailable":
            raise Problem(503, "unavailable", "Try again shortly.")
        if fault == "header":
            raise Problem.of_field("nome", "wrong_header", "is no column")
        if fault == "forbidden":
            raise Problem(403, "forbidden", "This needs one of the roles: polyclinic.")
        lines = self.bodies[-1].splitlines()
        results = [self._result(number, line) for number, line in enumerate(lines, 1)]
        if fault == "unrecorded":
            results[-1] = {"line": len(lines), **UNRECORDED}
        return StreamingResponse(self._told(results, torn=fault == "torn"), media_type="application/x-ndjson")

    def _result(self, number: int, line: bytes) -> dict[str, Any]:
        if b"bad" in line:
            return {"line": number, **REFUSAL}
        if b"odd" in line:
            return {"line": number, "status": 201, "referral_id": "r-odd", "warnings": [WARNING]}
        return {"line": number, "status": 201, "referral_id": f"r-{line.decode()}"}

    async def _told(self, results: list[dict[str, Any]], torn: bool) -> AsyncIterator[bytes]:
        for one in results[: len(results) // 2] if torn else results:
            yield orjson.dumps(one) + b"\n"
        if torn:
            raise ConnectionResetError


@pytest.fixture
def intake(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.01)
    intake = Intake()
    with harness.serve(intake.app):
        yield intake


def lines(count: int, *bad: int) -> bytes:
    return b"".join(orjson.dumps({"n": n, **({"bad": True} if n in bad else {})}) + b"\n" for n in range(1, count + 1))


def test_a_file_is_sent_in_parts(joldama: Joldama, intake: Intake, tmp_path: Path) -> None:
    file = tmp_path / "children.ndjson"
    file.write_bytes(lines(1100))
    ended = joldama("submit", str(file))
    assert ended.exit_code == 0
    assert ended.stderr == 'first: r-{"n":1}, r-{"n":2}, r-{"n":3}; all: joldama referrals\n'
    assert ended.stdout.startswith("1,100 taken, 0 refused, up to line 1100")
    assert [body.count(b"\n") for body in intake.bodies] == [500, 500, 100]
    assert b"".join(intake.bodies) == lines(1100)


def test_a_dash_reads_standard_input(joldama: Joldama, intake: Intake) -> None:
    assert joldama("submit", "-", stdin=lines(3)).exit_code == 0
    assert intake.bodies == [lines(3)]


def test_refusals_name_line_and_field_of_the_file(joldama: Joldama, intake: Intake) -> None:
    ended = joldama("submit", "-", "--part", "2", stdin=b"\n" + lines(5, 4))
    assert ended.exit_code == 1
    assert ended.stderr.startswith("-:5: child.iin: its check digit does not fit (invalid_iin)\nfirst: ")
    assert ended.stdout.startswith("4 taken, 1 refused")


def test_refusals_are_written_to_the_errors_file(joldama: Joldama, intake: Intake, tmp_path: Path) -> None:
    ended = joldama("submit", "-", "--errors", str(tmp_path / "refused.txt"), stdin=lines(2, 1))
    assert (ended.exit_code, ended.stderr.splitlines()) == (1, ['first: r-{"n":2}; all: joldama referrals'])
    assert (tmp_path / "refused.txt").read_text().startswith("-:1: child.iin:")


@pytest.mark.parametrize("other", ["relative", "symlink", "hardlink", "dotted"])
def test_the_errors_file_is_never_the_file_of_submissions(
    joldama: Joldama, intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    file, name = tmp_path / "children.ndjson", tmp_path / "refused.txt"
    file.write_bytes(lines(3, 1))
    monkeypatch.chdir(tmp_path)
    if other == "symlink":
        name.symlink_to(file)
    elif other == "hardlink":
        name.hardlink_to(file)
    else:
        name = Path("children.ndjson") if other == "relative" else tmp_path / ".." / tmp_path.name / file.name
    ended = joldama("submit", str(file), "--errors", str(name))
    assert (ended.exit_code, intake.bodies) == (2, [])
    assert "name another for --errors" in ended.stderr
    assert file.read_bytes() == lines(3, 1)


def test_nor_is_it_the_file_that_comes_by_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "children.ndjson"
    file.write_bytes(lines(3))
    words = [sys.executable, "-m", "services.cli.main", "submit", "-", "--errors", str(file)]
    with file.open("rb") as stdin:
        ended = subprocess.run(words, stdin=stdin, capture_output=True, cwd=CHECKOUT, check=False)
    assert (ended.returncode, file.read_bytes()) == (2, lines(3))


def test_a_warning_is_printed_with_its_line_and_obeyed_by_no_terminal(joldama: Joldama, intake: Intake) -> None:
    ended = joldama("submit", "-", stdin=b'{"n":1}\n{"odd":1}\n')
    assert ended.exit_code == 0
    assert ended.stdout.startswith("2 taken (1 with warnings), 0 refused")
    assert ended.stderr.splitlines()[0] == "-:2: child.sex: is ␛[31m\ufffd31mred (iin_sex_mismatch)"
    in_json = joldama("submit", "-", "--json", stdin=b'{"odd":1}\n')
    assert not set(in_json.stdout) & {"\x1b", "\x9b"}
    assert json.loads(in_json.stdout)["warnings"] == [WARNING]


def test_a_warning_is_yellow_on_a_terminal(joldama: Joldama, intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[33m-:1: child.sex" in joldama("submit", "-", stdin=b'{"odd":1}\n').stderr


def test_json_output_is_one_result_a_line_and_nothing_else(joldama: Joldama, intake: Intake) -> None:
    ended = joldama("submit", "-", "--part", "1", "--json", stdin=lines(3, 2))
    assert ended.exit_code == 1
    results = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [one["line"] for one in results] == [1, 2, 3]
    assert [one.get("code") for one in results] == [None, "validation_failed", None]


@pytest.mark.parametrize("fault", ["unavailable", "torn", "unrecorded"])
def test_a_part_that_fails_is_sent_again(joldama: Joldama, intake: Intake, fault: str) -> None:
    intake.faults = ["", fault, fault]
    ended = joldama("submit", "-", "--part", "2", stdin=lines(4))
    assert ended.exit_code == 0
    assert intake.bodies[1:] == [lines(4)[len(lines(2)) :]] * 3
    assert ended.stdout.startswith("4 taken, 0 refused")
    assert len({one["idempotency-key"] for one in intake.headers}) == 2


def test_a_stopped_run_is_resumed_with_its_key(joldama: Joldama, intake: Intake) -> None:
    intake.faults = ["", "forbidden"]
    ended = joldama("submit", "-", "--part", "2", stdin=lines(4))
    key = ended.stderr.split("--key ")[1].split()[0]
    assert joldama("submit", "-", "--part", "2", "--key", key, stdin=lines(4)).exit_code == 0
    keys = [one["idempotency-key"] for one in intake.headers]
    assert keys[:2] == keys[2:]


def test_a_wrong_role_ends_the_run_and_prints_its_progress(joldama: Joldama, intake: Intake) -> None:
    intake.faults = ["", "forbidden"]
    ended = joldama("submit", "-", "--part", "2", stdin=lines(4))
    assert ended.exit_code == 4
    assert "Stopped: 2 taken, 0 refused, up to line 2" in ended.stderr
    assert "Lines 3-4 may have been taken" in ended.stderr
    assert "This needs one of the roles" in ended.stderr


def test_a_part_that_keeps_failing_is_exit_code_3(joldama: Joldama, intake: Intake) -> None:
    intake.faults = ["unavailable"] * 50
    ended = joldama("submit", "-", "--patience", "0.1", stdin=lines(1))
    assert ended.exit_code == 3
    assert len(intake.bodies) == 5
    assert ended.stderr.count("trying again for up to 0.1 s") == 1
    assert "To go on: the same command with --key" in ended.stderr


def test_without_patience_a_part_is_sent_once(joldama: Joldama, intake: Intake) -> None:
    intake.faults = ["unavailable"]
    ended = joldama("submit", "-", "--patience", "0", stdin=lines(1))
    assert (ended.exit_code, len(intake.bodies)) == (3, 1)
    assert "trying again" not in ended.stderr


@pytest.mark.parametrize(("content", "code"), [(b"200315500012,Child\n", 2), (b"iin,nome\n1,2\n", 1)])
def test_a_file_with_a_wrong_header_is_refused_with_the_needed_header(
    joldama: Joldama, intake: Intake, content: bytes, code: int
) -> None:
    intake.faults = ["header"]
    ended = joldama("submit", "-", stdin=content)
    assert (ended.exit_code, ended.stdout) == (code, "")
    assert "must be the header: iin, full_name" in ended.stderr
    assert "--key" not in ended.stderr
    assert ended.stderr.count("nome: is no column") == (code == 1)


def test_a_missing_file_is_a_usage_error(joldama: Joldama, intake: Intake) -> None:
    ended = joldama("submit", "nowhere.csv")
    assert ended.exit_code == 2
    assert "nowhere.csv: No such file" in ended.stderr


@pytest.mark.parametrize("content", [b"", b"\n", b"iin;full_name\n", b"\xef\xbb\xbfsep=;\niin;full_name\n;;\n"])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_file_without_rows_is_wrong_usage(
    joldama: Joldama, intake: Intake, content: bytes, options: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "children.csv"
    file.write_bytes(content)
    ended = joldama("submit", str(file), *options)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "the file has no rows" in ended.stderr


def test_without_an_answer_the_error_says_how_to_start_a_network(joldama: Joldama, home: Path, issuer: Path) -> None:
    home.mkdir()
    (home / "network.json").write_text('{"intake": "http://127.0.0.1:9"}')
    (home / "secrets").symlink_to(issuer)
    ended = joldama("submit", "-", "--patience", "0", stdin=lines(1))
    assert ended.exit_code == 3
    assert "No service answers at http://127.0.0.1:9" in ended.stderr
    assert "make up" in ended.stderr
