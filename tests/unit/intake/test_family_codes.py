"""A family's code: what it is of, and how it may be typed."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from services.intake.domain.family_codes import ALPHABET, read_code, write_code

ID = UUID("019ad0c4-5e21-7abc-8def-0123456789ab")
MARK = bytes(range(100, 132))
CODE = write_code(ID, MARK)


def test_a_code_is_four_groups_of_five_and_leads_to_its_referral() -> None:
    assert [len(one) for one in CODE.split("-")] == [5, 5, 5, 5]
    code = read_code(CODE)
    assert code is not None, "it is a code"
    assert code.first < ID < code.last
    assert code.fits(MARK), "the digest is the one of which it was made"


@given(st.binary(min_size=32, max_size=32))
def test_another_digest_does_not_fit(other: bytes) -> None:
    code, mark = read_code(CODE), (1 << 65) - 1
    same = int.from_bytes(other[:9]) & mark == int.from_bytes(MARK[:9]) & mark
    assert code is not None, "it is a code"
    assert code.fits(other) is same


def test_every_changed_sign_leads_elsewhere() -> None:
    for at, sign in enumerate(CODE):
        for other in set(ALPHABET) - {sign} if sign != "-" else ():
            code = read_code(CODE[:at] + other + CODE[at + 1 :])
            assert code is not None, "it is a code"
            assert not (code.first <= ID <= code.last and code.fits(MARK)), (at, other)


@pytest.mark.parametrize(
    "typed",
    [
        CODE.lower(),
        CODE.replace("-", ""),
        f"  {CODE.replace('-', ' ')} ",
        CODE.replace("-", "–"),
        CODE.replace("0", "O").replace("1", "l"),
        CODE.translate(str.maketrans("ABCEHKMPTXY", "АВСЕНКМРТХУ")),
    ],
)
def test_a_code_is_read_as_people_type_it(typed: str) -> None:
    assert read_code(typed) == read_code(CODE)


@pytest.mark.parametrize("typed", ["", CODE[:-1], CODE + "7", CODE[:-1] + "U", CODE[:-1] + "Ж", "٠" * 20, "-" * 20])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert read_code(typed) is None


def test_referrals_of_one_moment_have_marks_of_their_own() -> None:
    first, second = uuid7(), uuid7()
    codes = [read_code(write_code(one, uuid4().bytes * 2)) for one in (first, second)]
    assert len({one.mark for one in codes if one}) == 2
