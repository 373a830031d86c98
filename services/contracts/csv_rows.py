"""Rows of CSV as spreadsheets save them, before their cells are read."""

import re

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NAMED_DELIMITER = re.compile(rb'(?:\xef\xbb\xbf)?"?sep=.?"?[;,\t ]*\r?\n?', re.IGNORECASE)
"""What Excel reads as the delimiter of the file; the header says it as well."""
_DELIMITERS = (",", ";", "\t")
"""A spreadsheet in Kazakhstan or Russia saves its CSV with semicolons."""


def delimiter_of(header: bytes) -> str:
    """What stands between the cells of a file with that first line."""
    return max(_DELIMITERS, key=lambda sign: header.count(sign.encode()))


def is_blank(row: bytes) -> bool:
    """Whether no cell of `row` holds anything but spaces, also no-break ones (UTF-8); or it is no row, but `sep=;`."""
    if _NAMED_DELIMITER.fullmatch(row):
        return True
    return not row.removeprefix(BYTE_ORDER_MARK).replace(b"\xc2\xa0", b"").strip(b' \t\r\n\v\f",;')
