"""Splitting a stream into lines."""

from hypothesis import given
from hypothesis import strategies as st

from services.intake.handlers.lines import LONGEST, Line, Lines


def split(parts: list[bytes]) -> list[Line]:
    lines = Lines()
    return [line for part in parts for line in lines.feed(part)] + list(lines.end())


@given(st.lists(st.binary(max_size=8).map(lambda b: b.replace(b"\n", b"")), max_size=12), st.data())
def test_lines_are_the_same_wherever_the_stream_is_cut(texts: list[bytes], data: st.DataObject) -> None:
    stream = b"\n".join(texts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    parts = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    expected = [Line(n, text) for n, text in enumerate(texts, 1) if text and not text.isspace()]
    assert split(parts) == expected


def test_a_line_that_is_too_long_is_marked_and_the_next_is_read() -> None:
    long = b"x" * (LONGEST * 3)
    for size in (len(long) * 2, 1000, LONGEST + 1):
        stream = b"a\n" + long + b"\nb\n" + long
        parts = [stream[i : i + size] for i in range(0, len(stream), size)]
        assert split(parts) == [Line(1, b"a"), Line(2, None), Line(3, b"b"), Line(4, None)]


def test_a_line_of_the_greatest_length_is_read() -> None:
    assert split([b"x" * LONGEST + b"\n"]) == [Line(1, b"x" * LONGEST)]


def test_an_endless_line_is_not_held_in_memory() -> None:
    lines = Lines()
    for _ in range(100):
        assert list(lines.feed(b"x" * LONGEST)) == []
    assert len(lines._rest) <= LONGEST
