"""Which tags a header names."""

import pytest

from services.kit.http.etags import read_etags


@pytest.mark.parametrize(
    ("lines", "tags"),
    [
        (['"1"'], {"1"}),
        (['"1", "2"'], {"1", "2"}),
        (['"1"', '"2","3"'], {"1", "2", "3"}),
        (['"1",, ,"2",'], {"1", "2"}),
        ([',\t"1"'], {"1"}),
        (['W/"1"'], {"1"}),
        (['W/"1", "2-gzip"'], {"1", "2"}),
        (['"1-br"', '"2--gzip"', 'W/"3-zstd"', '"4-deflate"'], {"1", "2", "3", "4"}),
        (['"a,b", "c d"'[:5]], {"a,b"}),
        (['""'], {""}),
        (['"*"'], {"*"}),
        (['"xyz-gzip-2"'], {"xyz-gzip-2"}),
        (["1, 2"], {"1", "2"}),
    ],
)
def test_lists_weak_tags_and_suffixes_are_read(lines: list[str], tags: set[str]) -> None:
    assert read_etags(lines) == frozenset(tags)


@pytest.mark.parametrize("lines", [["*"], [" * "]])
def test_a_star_is_any(lines: list[str]) -> None:
    assert read_etags(lines) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "first",
        '"1',
        '1"',
        '"1" "2"',
        '*, "1"',
        '"1", *',
        'w/"1"',
        'W/ "1"',
        '"a b"',
        "'1'",
        "1-gzip",
        "9" * 10,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no list"):
        read_etags([text])
