"""A nurse's file, saved by a Russian Excel, against the real services."""

import json

import httpx2
import pytest

from services.local.issuer import issue_token
from tests.integration.cli.children import iin
from tests.integration.cli.conftest import Country
from tests.support.terminal import run_joldama as joldama

NBSP = "\u00a0"
HEADER = (
    "iin;full_name;birth_date;sex;guardian_name;guardian_phone;icd10;gmfcs;settlement_id;modalities;max_distance_km;;"
)


def row(number: int, **changes: str) -> str:
    cells = {
        "iin": iin(number),
        "full_name": f"Тестова Бала {number}",
        "birth_date": "15.03.2020",
        "sex": "муж" if number % 2 == 0 else "жен",
        "guardian_name": "Тестова Ана",
        "guardian_phone": "8 701 000 00 00",
        "icd10": "G80.1",
        "gmfcs": "ІІІ",
        "settlement_id": "almaty",
        "modalities": '"inpatient; day_stay"',
        "max_distance_km": "",
    } | changes
    return ";".join(cells.values()) + ";;"


ROWS = [
    (row(1), None),
    (row(2, guardian_phone=f"8{NBSP}701{NBSP}000{NBSP}00{NBSP}00"), None),
    (row(3, guardian_phone="+7 (701) 000-00-00", gmfcs="іv"), None),
    (";" * 12, ""),
    (row(4, iin=f" {iin(4)}{NBSP}", birth_date="15/03/2020"), None),
    (row(5, birth_date="43905", icd10="g80,1"), None),
    (row(6, icd10="Н90.3", gmfcs="3"), None),
    (row(7, guardian_phone="+996 555 123456", max_distance_km="600,5"), None),
    (row(8, sex="жен"), "warning: sex: is not the one in the IIN's seventh digit"),
    (row(9, iin="2,00316E+11"), "iin: has become a number such as 2,0E+11, and its last digits are lost: format the"),
    (row(10, guardian_phone="8 701 000 00 0"), "guardian_phone: is no number that a telephone can have"),
    (row(11, birth_date="05/03/2020".replace("/", "-")), "birth_date: may be two different days"),
    (row(12, birth_date="15.03.20"), "birth_date: must have its year in four digits"),
    (row(13, icd10="Г80.1"), "icd10: is no code of ICD-10"),
    (row(14, iin=str(int(iin(14)) // 10)), "iin: must be twelve digits"),
    (row(15, modalities="больница"), "modalities: must be one of: inpatient, day_stay"),
    (row(16, full_name='"Тестова Бала'), 'full_name: has a quotation mark (") that is not closed'),
    (row(17, settlement_id="Алматы"), "settlement_id: is no id of a settlement"),
    (row(18).removesuffix(";;") + ";;комментарий", "line: has something in its cell 13, above which"),
    (row(19, sex=""), "sex: is missing"),
    (row(20, modalities="Inpatient, Day stay"), None),
]


@pytest.mark.parametrize("encoding", ["cp1251", "utf-8-sig"])
def test_what_is_right_is_taken_and_each_refused_row_says_what_to_type(country: Country, encoding: str) -> None:
    content = "\r\n".join([HEADER, *(line for line, _ in ROWS), ""]).encode(encoding)
    ended = joldama("submit", "-", "--part", "7", stdin=content)
    refused = {number: says for number, (_, says) in enumerate(ROWS, 2) if says and not says.startswith("warning")}
    warned = {
        number: says.partition(": ")[2] for number, (_, says) in enumerate(ROWS, 2) if says and number not in refused
    }
    taken = sum(says is None for _, says in ROWS) + len(warned)
    assert ended.stdout.startswith(f"{taken} taken (1 with warnings), {len(refused)} refused, up to line 22"), (
        ended.output
    )
    said = [line.removeprefix("-:").split(": ", 1) for line in ended.stderr.splitlines() if line.startswith("-:")]
    assert [int(number) for number, _ in said] == sorted(refused | warned)
    for number, complaint in said:
        assert complaint.startswith((refused | warned)[int(number)]), (number, complaint)


def test_what_the_nurse_meant_is_read_back(country: Country) -> None:
    content = "\r\n".join([HEADER, row(2), row(7, guardian_phone="996555123456", max_distance_km="600,5")]).encode(
        "cp1251"
    )
    ended = joldama("submit", "-", "--json", stdin=content)
    ids = [json.loads(line)["referral_id"] for line in ended.stdout.splitlines()]
    token = issue_token(country.home, ["polyclinic"], "demo-polyclinic")
    headers = {"Authorization": f"Bearer {token}"}
    first, second = [httpx2.get(f"{country.urls['intake']}/v1/diagnoses/{id}", headers=headers).json() for id in ids]
    assert first["child"] == {"iin": iin(2), "full_name": "Тестова Бала 2", "birth_date": "2020-03-15", "sex": "male"}
    assert first["guardian"] == {"full_name": "Тестова Ана", "phone": "+77010000000"}
    assert first["diagnosis"] == {"icd10": "G80.1", "gmfcs": "III"}
    assert (first["modalities"], first["max_distance_km"]) == (["inpatient", "day_stay"], None)
    assert (second["guardian"]["phone"], second["max_distance_km"]) == ("+996555123456", 600.5)


@pytest.mark.parametrize("bad", [200, 700])
def test_a_row_with_a_wrong_byte_is_reported_and_all_others_are_taken(country: Country, bad: int) -> None:
    rows = [row(number).encode() for number in range(2, bad + 100)]
    rows[bad - 2] = row(bad).encode().replace("Бала".encode(), b"\xc1")
    ended = joldama("submit", "-", stdin=b"\n".join([HEADER.encode(), *rows]))
    assert ended.stdout.startswith(f"{len(rows) - 1} taken, 1 refused")
    assert f"-:{bad}: full_name: holds the byte 0xC1, which is not UTF-8" in ended.stderr


def test_a_json_array_is_one_message(country: Country) -> None:
    ended = joldama("submit", "-", stdin=b"[\n" + b'{"child": {}},\n' * 44 + b"]\n")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.count("one object a line") == 1


DITTO = [row(900), row(901, guardian_name='"'), row(902, guardian_name='"'), row(903)]
HALVES = [
    row(910, guardian_name='"Иванова'),
    row(911, guardian_name='Петрова"'),
    row(912),
    row(913, full_name='"Сон Ева'),
    row(914, full_name='Сон Ада"'),
    row(915),
]


@pytest.mark.parametrize(
    ("rows", "refused"),
    [(DITTO, {3: "guardian_name", 4: "guardian_name"}), (HALVES, {2: "guardian_name", 5: "full_name"})],
)
def test_a_quotation_mark_loses_no_child(country: Country, rows: list[str], refused: dict[int, str]) -> None:
    ended = joldama("submit", "-", stdin="\r\n".join([HEADER, *rows]).encode("utf-8-sig"))
    assert ended.exit_code == 1
    assert ended.stdout.startswith(f"{len(rows) - len(refused)} taken, {len(refused)} refused")
    said = [line for line in ended.stderr.splitlines() if line.startswith("-:")]
    assert [line.partition(" has a quotation mark")[0] for line in said] == [
        f"-:{number}: {field}:" for number, field in refused.items()
    ]


def test_no_children_are_bound_by_zeros_for_an_iin(country: Country) -> None:
    rows = [row(number, iin="000000000000") for number in (920, 921)]
    ended = joldama("submit", "-", stdin="\r\n".join([HEADER, *rows]).encode())
    assert (ended.exit_code, ended.stderr.count("iin: is no IIN: type the twelve digits")) == (1, 2)
