"""If-Match and If-None-Match on entries of centers and on figures."""

import httpx2

from tests.integration.referral.country import center_body, problem, programme_body
from tests.integration.referral.entries import NEAR, PLACES, put

PRECONDITIONS: list[tuple[dict[str, str], bool, int]] = [
    ({"If-None-Match": "*"}, False, 200), ({"If-None-Match": "*"}, True, 412), ({"If-Match": "*"}, False, 412),
    ({"If-Match": "*"}, True, 200), ({"If-Match": '"1"'}, True, 200), ({"If-Match": '"7", "1"'}, True, 200),
    ({"If-Match": '"7"'}, True, 412), ({"If-Match": '"1"'}, False, 412), ({"If-Match": "first"}, True, 422),
    ({"If-Match": ""}, True, 422), ({"If-None-Match": "first"}, True, 422),
    ({"If-None-Match": '"1"'}, True, 412), ({"If-None-Match": 'W/"1-gzip"'}, True, 412),
    ({"If-None-Match": '"7", "8"'}, True, 200), ({"If-None-Match": '"1"'}, False, 200),
    ({"If-Match": '"1-gzip"'}, True, 200), ({"If-Match": 'W/"7", W/"1"'}, True, 200),
    ({"If-Match": '"first"'}, True, 412), ({"If-Match": '"01"'}, True, 412),
    ({"If-Match": '"7"', "If-None-Match": "*"}, False, 412),
]  # fmt: skip


async def test_what_get_shows_can_be_put_back_and_is_checked_by_its_version(operator: httpx2.AsyncClient) -> None:
    await put(operator)
    shown = (await operator.get("/v1/centers/near")).json()
    assert (await put(operator, body=shown)) == shown
    edited = await put(operator, body=shown | {"name_en": "Another name"})
    assert edited["version"] == 2
    late = await operator.put("/v1/centers/near", json=shown | {"name_en": "A third name"})
    assert await problem(late) == (412, "version_moved", [])
    other = await operator.put("/v1/centers/near", json=edited | {"id": "far"})
    assert await problem(other) == (422, "differs_from_path", ["id"])


async def test_of_two_operators_with_one_etag_one_wins(operator: httpx2.AsyncClient) -> None:
    await put(operator)
    etag = (await operator.get("/v1/centers/near")).headers["etag"]
    first, second = [
        await operator.put("/v1/centers/near", json=NEAR | {"name_en": name}, headers={"If-Match": etag})
        for name in ("One", "Two")
    ]
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    assert await problem(second) == (412, "version_moved", [])
    assert (await operator.get("/v1/centers/near")).json()["name_en"] == "One"


async def test_each_precondition_holds_for_entries_and_for_figures(operator: httpx2.AsyncClient) -> None:
    for number, (headers, exists, status) in enumerate(PRECONDITIONS):
        center_id, programme_id = f"c-{number}", f"p-{number}"
        entry = center_body(programme_body(programme_id))
        if exists:
            await put(operator, center_id, entry)
        answer = await operator.put(f"/v1/centers/{center_id}", json=entry, headers=headers)
        assert answer.status_code == status, (headers, exists)
        await put(operator, center_id, entry)
        url = f"/v1/centers/{center_id}/programmes/{programme_id}/places"
        if exists:
            assert (await operator.put(url, json={"places": 1})).status_code == 200
        answer = await operator.put(url, json={"places": 1}, headers=headers)
        assert answer.status_code == status, (headers, exists)


async def test_several_header_lines_are_one_list(operator: httpx2.AsyncClient) -> None:
    await put(operator)
    for tags, status in ((('"7"', '"1"'), 200), (('"7"', '"8"'), 412)):
        answer = await operator.put("/v1/centers/near", json=NEAR, headers=[("If-Match", one) for one in tags])
        assert answer.status_code == status, tags


async def test_a_reader_that_has_this_version_is_told_so(operator: httpx2.AsyncClient) -> None:
    await put(operator)
    assert (await operator.put(PLACES, json={"places": 1})).status_code == 200
    for url in ("/v1/centers/near", PLACES):
        for tag, status in (('"1"', 304), ('W/"1-gzip"', 304), ("*", 304), ('"2"', 200), ('"one"', 200)):
            answer = await operator.get(url, headers={"If-None-Match": tag})
            assert (answer.status_code, answer.headers["etag"]) == (status, '"1"'), (url, tag)
            assert bool(answer.content) is (status == 200)
