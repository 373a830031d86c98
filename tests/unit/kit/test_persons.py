"""Names of persons in logs: staff ids as they are, pseudonyms of what may be an IIN."""

import pytest

from services.kit.persons import PREFIX, Persons

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


@pytest.mark.parametrize(
    "subject", ["nurse-7", "a.ivanova@clinic.kz", "auth0|5f7c", "0199a2b3-1234-7000-8000-123456789012"]
)
def test_a_staff_id_is_shown_as_it_is(subject: str) -> None:
    assert Persons([KEY]).name(subject) == subject


@pytest.mark.parametrize(
    "subject",
    [
        "200615600014", "iin:200615600014", "200615 600014", "200615-600014@egov.kz", "2006.1560.0014",
        "x200615600014y", "a/b",
        "٢٠٠٦١٥٦٠٠٠١٤", "200615_600014", "a" * 41, "name with spaces", "Әсел", "p:abc", "\n",
    ],
)  # fmt: skip
def test_what_may_be_an_iin_or_is_no_plain_id_has_a_keyed_pseudonym(subject: str) -> None:
    name = Persons([KEY]).name(subject)
    assert name.startswith(PREFIX)
    assert len(name) == len(PREFIX) + 24
    assert name == Persons([KEY, OTHER]).name(subject) != Persons([OTHER]).name(subject)
    assert "200615" not in name


def test_after_a_change_of_keys_a_person_is_found_by_the_older_name_too() -> None:
    both = Persons([KEY, OTHER])
    assert both.names("200615600014") == [Persons([KEY]).name("200615600014"), Persons([OTHER]).name("200615600014")]
    assert both.names("nurse-7") == ["nurse-7"], "a staff id has one name"


def test_without_a_key_nobody_is_named() -> None:
    assert Persons().names("nurse-7") == []
    assert Persons().name("nurse-7") == Persons([KEY]).name("") == ""
