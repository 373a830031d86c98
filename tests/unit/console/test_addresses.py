"""Addresses of pages, with their queries."""

from services.console.addresses import pages_beside, with_query


def test_what_is_empty_stands_in_no_address() -> None:
    assert with_query("/map", region="KZ-75", town="", age=None) == "/map?region=KZ-75"
    assert with_query("/map", town="") == "/map", "no question mark without a query"


def test_a_list_leads_to_its_first_and_its_next_page_with_its_filter() -> None:
    assert pages_beside("/x", "b", "c=", state="open") == {
        "first": "/x?state=open",
        "next": "/x?state=open&cursor=c%3D",
    }
    assert pages_beside("/x", "", None) == {"first": None, "next": None}, "the only page leads nowhere"
