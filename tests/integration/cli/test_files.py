"""Files of submissions, from the command to the record."""

from tests.integration.cli.children import born_today, child, iin, results, today
from tests.integration.cli.conftest import Country
from tests.support.terminal import run_joldama as joldama

HEADER = "iin;full_name;birth_date;sex;guardian_name;guardian_phone;icd10;gmfcs;settlement_id;modalities"


def test_the_valid_lines_of_a_file_with_errors_are_recorded(country: Country) -> None:
    lines = child(1) + child(2, settlement_id="nowhere") + b"not json\n\n" + child(1) + child(4)
    ended = joldama("submit", "-", "--part", "2", stdin=lines)
    assert ended.exit_code == 1
    *complaints, first = ended.stderr.splitlines()
    assert first.startswith("first: ")
    assert first.count("-") == 8
    assert [one.split(" ")[0] for one in complaints] == ["-:2:", "-:3:", "-:5:"]
    assert complaints[0].startswith("-:2: settlement_id:")
    assert complaints[2].endswith("(open_referral_exists)")
    assert ended.stdout.startswith("2 taken, 3 refused, up to line 6")


def test_a_csv_of_a_spreadsheet_is_recorded(country: Country) -> None:
    rows = [
        f'{iin(2)};"Two\nNames";2020-03-15;male;A Parent;+77010000000;G80.1;II;almaty;"inpatient;day_stay"',
        f"{iin(4)};Child 4;2020-03-15;female;A Parent;+77010000000;G80.1;;almaty;inpatient",
    ]
    ended = joldama("submit", "-", stdin="\r\n".join(["\ufeff" + HEADER, *rows]).encode())
    assert ended.exit_code == 0
    assert ended.stderr.startswith("-:4: sex: is not the one in the IIN's seventh digit")
    assert ended.stdout.startswith("2 taken (1 with warnings), 0 refused")


def test_a_twin_in_a_csv_is_taken_when_the_column_that_its_refusal_names_is_added(country: Country) -> None:
    row = f";Newborn;{born_today()[0]};female;A Parent;+77010000077;G80.1;;almaty;inpatient"
    content = f"{HEADER}\n{row}\n"
    first = results(joldama("submit", "-", "--json", stdin=content.encode()))[0]["referral_id"]
    for polyclinic, named in (("demo-polyclinic", first), ("another", ";")):
        act = ("--as", "polyclinic", "--org", polyclinic)
        told = joldama("submit", "-", *act, stdin=content.encode()).stderr
        assert f"such as a twin, add a column not_duplicate_of with {named} (possible_duplicate)" in told
        assert ("not_duplicate_of: [" in told, polyclinic == "another" and first in told) == (False, False)
        more = f'{HEADER};not_duplicate_of\n{row};"{named}"\n'
        ended = joldama("submit", "-", *act, stdin=more.encode())
        assert (ended.exit_code, ended.stdout[:8]) == (0, "1 taken,"), ended.stderr


def test_a_wrong_header_is_refused_before_anything_is_recorded(country: Country) -> None:
    ended = joldama("submit", "-", stdin=b"iin,name\n1,2\n")
    assert ended.exit_code == 1
    assert "wrong_header" in ended.stderr
    assert "must be the header" in ended.stderr
    assert "--key" not in ended.stderr


def test_a_repeated_run_with_its_key_records_nothing_twice(country: Country) -> None:
    newborns = b"".join(
        child(
            number,
            child={"full_name": f"Newborn {number}", "birth_date": today(), "sex": "female"},
            guardian={"full_name": "A Parent", "phone": f"+7701000000{number}"},
        )
        for number in range(5)
    )
    first = joldama("submit", "-", "--json", "--part", "2", "--key", "k", stdin=newborns)
    second = joldama("submit", "-", "--json", "--part", "2", "--key", "k", stdin=newborns)
    assert (first.exit_code, second.exit_code) == (0, 0), first.stderr
    assert [one["referral_id"] for one in results(first)] == [one["referral_id"] for one in results(second)]


def test_a_file_of_several_parts_is_recorded(country: Country) -> None:
    ended = joldama("submit", "-", "--json", stdin=b"".join(map(child, range(0, 1998, 2))))
    taken = results(ended)
    assert ended.exit_code == 0, ended.stderr
    assert [one["line"] for one in taken] == list(range(1, 1000))
