"""Whatever a reader gets from outside: a refusal of its own kind, or a value that reads back the same."""

import csv
import io
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.capacity.domain.step import StepId
from services.cli.failures import Failure
from services.cli.network import read_network
from services.cli.reference import codes, settlement_name
from services.cli.submissions import LONGEST_LINE, Format, Submissions
from services.contracts.events import KNOWN, MalformedEvent, read_event, write_event
from services.contracts.iin import InvalidIin, read_iin
from services.contracts.near_matches import Named, did_you_mean, resolve
from services.contracts.reference import WrongData, read_centers, read_days_off, read_programmes, read_settlements
from services.contracts.submissions import CSV_COLUMNS
from services.intake.handlers.formats import Csv, Ndjson, WrongHeader
from services.intake.handlers.parsing import Unparsed, read_json
from services.kit.http.etags import LONGEST, read_etags
from services.kit.http.free_text import holds_number
from services.kit.http.pages import Text, read_cursor, write_cursor
from services.kit.http.problems import Problem
from services.kit.messages import ENGLISH

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda some: st.lists(some, max_size=4) | st.dictionaries(st.text(max_size=6), some, max_size=4),
    max_leaves=8,
)
texts = st.text(st.characters()) | st.text(st.sampled_from('"W/0123456789-, \t*éＡ٣\ud800\x00{}[]='), max_size=60)


def tried(read: Callable[[], Any], refusal: type[Exception]) -> Any:
    """What was read, or how it was refused."""
    try:
        return read()
    except refusal as refused:
        return refused


@given(st.lists(texts, max_size=4))
def test_etags_are_read_or_refused(lines: list[str]) -> None:
    with suppress(ValueError):
        tags = read_etags(lines)
        assert tags is None or read_etags([f'"{one}"' for one in tags] or ["*"]) == (tags or None)


def test_a_list_of_etags_has_an_end() -> None:
    assert len(read_etags(['"12",' * (LONGEST // 5)]) or ()) == 1
    with pytest.raises(ValueError, match="no list"):
        read_etags(['"12",' * LONGEST])


KINDS: list[Any] = [tuple[Text], tuple[int, str], list[Any], tuple[int, int, str]]


@given(st.sampled_from(KINDS), texts | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_a_cursor_is_read_or_refused(kind: Any, cursor: str) -> None:
    with suppress(Problem):
        again = read_cursor(write_cursor(*read_cursor(cursor, kind)), kind)
        assert again == read_cursor(cursor, kind) or again != again  # a NaN differs from itself


@given(st.lists(st.integers() | st.text(), max_size=3))
def test_a_cursor_that_was_written_is_read_back(position: list[Any]) -> None:
    assert read_cursor(write_cursor(*position), list[Any]) == position


@given(texts | st.from_regex(r"\d{1,20}-\d{1,20}", fullmatch=True))
def test_an_id_of_the_feed_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        found = StepId.parse(text)
        assert StepId.parse(str(found)) == found
        assert found.sequence < 10**15, "a number that Lua can count"


@given(texts)
def test_an_iin_is_read_or_refused(text: str) -> None:
    with suppress(InvalidIin):
        read_iin(text)
        assert re.fullmatch("[0-9]{12}", text)


envelope = {
    "specversion": "1.0", "id": "e1", "source": "/joldama/intake", "subject": "s", "time": "2026-11-20T06:30:00Z",
    "datacontenttype": "application/json",
}  # fmt: skip


@given(
    st.binary(max_size=80)
    | anything.map(lambda value: json.dumps(value).encode())
    | st.builds(
        lambda kind, data, more: json.dumps({**envelope, "type": kind, "data": data, **more}).encode(),
        st.sampled_from(sorted(KNOWN)),
        st.dictionaries(st.sampled_from(["referral_id", "attempt", "sequence", "programme_id", "version"]), anything)
        | anything,
        st.dictionaries(st.sampled_from(["id", "time", "type", "data", "specversion"]), anything, max_size=1),
    )
)
def test_any_bytes_are_an_event_or_malformed(raw: bytes) -> None:
    try:
        event = read_event(raw)
    except MalformedEvent as error:
        str(error).encode()
        return
    if event is not None:
        sealed = event.envelope
        again = write_event(event.data, event_id=sealed.id, source=sealed.source, time=sealed.time)
        assert read_event(again) is not None


rows = st.lists(
    st.sampled_from([*CSV_COLUMNS, "", "№", '"', '""', "'", "\x00", "Иванов", "=1+1", "\xa0", "x" * 300]) | st.text(),
    max_size=20,
)
lines = st.binary(max_size=200) | st.tuples(rows, st.sampled_from(",;\t")).map(
    lambda both: both[1].join(both[0]).replace("\n", " ").encode("utf-8", "replace")
)


@given(lines)
def test_any_first_line_is_a_header_or_refused(header: bytes) -> None:
    found = tried(lambda: Csv(header), WrongHeader)
    if isinstance(found, WrongHeader):
        assert str(found) == f"{found.column}: {found.message}"
    else:
        assert all(column in header.decode(errors="replace").lower() for column in ("sex", "icd10"))


@given(st.lists(lines, max_size=4), st.sampled_from(",;\t"))
def test_any_row_is_a_submission_or_refused(raws: list[bytes], delimiter: str) -> None:
    table = Csv(delimiter.join(CSV_COLUMNS).encode())
    table.look_through(raws)
    for raw in raws:
        for format in (table, Ndjson()):
            found = tried(partial(format.read, raw), Unparsed)
            if isinstance(found, Unparsed):
                assert {one.code for one in found.errors} <= ENGLISH.keys()
                assert found.errors
            else:
                assert Ndjson().read(found.model_dump_json(exclude_none=True).encode()) == found


@given(st.lists(lines, max_size=6).map(b"\n".join), st.sampled_from([None, *Format]), st.integers(1, 3))
def test_any_file_is_cut_into_lines_that_intake_can_be_asked_about(content: bytes, kind: Any, size: int) -> None:
    try:
        parts = list(Submissions(io.BytesIO(content), "-", kind).parts(size))
    except Failure:
        return
    except csv.Error as error:  # pragma: no cover
        pytest.fail(str(error))
    for part in parts:
        assert 0 < len(part.records) <= size
        for record in part.records:
            assert record.content.count(b"\n") == 1
            assert len(record.content) <= LONGEST_LINE * 21
    assert [one.line for part in parts for one in part.records] == sorted(
        {one.line for part in parts for one in part.records}
    )


@given(
    st.binary(max_size=60)
    | st.fixed_dictionaries({}, optional={name: anything for name in ("sql", "inside", "intake")}).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_any_file_of_addresses_is_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOLDAMA_HOME", home)
        (Path(home) / "network.json").write_bytes(content)
        found = tried(read_network, Failure)
        if isinstance(found, Failure):
            assert "network.json" in str(found)
        else:
            written = json.loads(content.decode())
            sql = written.get("sql") if isinstance(written, dict) else None
            assert found.sql.keys() == (sql.keys() if isinstance(sql, dict) else set())


@given(st.lists(lines, max_size=5).map(b"\n".join))
def test_any_file_of_reference_data_is_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as data, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOLDAMA_DATA", data)
        for name in ("settlements.csv", "centers.csv", "programmes.csv", "reasons.csv", "days_off.csv"):
            (Path(data) / name).write_bytes(content)
        assert isinstance(codes("decline"), dict)
        assert "1" in (settlement_name("1") or "")
        for read in (read_settlements, read_centers, read_programmes, read_days_off):
            found = tried(partial(read, Path(data)), WrongData)
            if isinstance(found, WrongData):
                assert ".csv" in str(found)
            else:
                assert not found or b"\n" in content, "a row stands below a first line"


@given(st.binary(max_size=80))
def test_any_bytes_are_json_or_refused(raw: bytes) -> None:
    found = tried(lambda: read_json(raw), Unparsed)
    if isinstance(found, Unparsed):
        assert [one.code in ("json_invalid", "invalid_utf8") for one in found.errors] == [True]
    else:
        assert read_json(json.dumps(found).encode()) == found


NAMES = [Named("KZ-75", ("Алматы", "Almaty", "Алматы")), Named("kz-71", ("Астана", "Astana", "Астана"))]


@given(texts)
def test_any_text_is_compared_with_names(text: str) -> None:
    assert resolve(text, NAMES) in (None, "KZ-75", "kz-71")
    assert isinstance(did_you_mean(text, NAMES), str)


@pytest.mark.parametrize(
    "read", [holds_number, lambda text: did_you_mean(text, NAMES), lambda text: resolve(text, NAMES)]
)
@pytest.mark.parametrize(
    "piece", ["+1", "1 ", "1.1.", "8 701 ", "+77 ", "1_", "\ufdfa", "12:3", "0О", "1 000 ", "город "]
)
def test_no_text_of_a_note_takes_long(read: Callable[[str], object], piece: str) -> None:
    began = time.process_time()
    read((piece * 500)[:500])
    assert time.process_time() - began < 3, "it takes 0.01 s; backtracking would take minutes"
