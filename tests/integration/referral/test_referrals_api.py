"""`/v1/referrals`: stories, commands, refusals and pages."""

from collections.abc import Callable
from uuid import UUID

import httpx2

from services.kit.http.pages import write_cursor
from tests.integration.referral.country import Country, problem
from tests.integration.referral.listed import ids

Client = Callable[..., httpx2.AsyncClient]
NOTE = str(UUID(int=77))
ONE = f"/v1/referrals/{UUID(int=1)}"


async def test_without_a_token_or_with_another_role_nothing_is_shown(offered: Country, client: Client) -> None:
    assert (await problem(await client().get(ONE)))[:2] == (401, "unauthorized")
    assert (await problem(await client("cook").get(ONE)))[:2] == (403, "forbidden")
    for role in ("polyclinic", "operator", "referral-api"):
        assert (await problem(await client(role, org="near").post(f"{ONE}/accept")))[:2] == (403, "forbidden")


async def test_the_story_has_the_decision_and_the_allowed_actions(offered: Country, client: Client) -> None:
    answer = await client("center", org="near").get(ONE)
    story = answer.json()
    assert answer.headers["etag"] == '"1"'
    assert story["allowed_actions"] == ["seen", "accept", "decline"]
    assert [(one["center_id"], one["center_name"], one["state"]) for one in story["offers"]] == [
        ("near", "Center", "made")
    ]
    assert [(one["programme_id"], one["free"], one["chosen"]) for one in story["decision"]["candidates"]] == [
        ("near", 1, True)
    ], "where the child goes when it declines is not told"
    for role, org, allowed in (
        ("operator", "", ["cancel"]), ("polyclinic", "p1", ["cancel", "withdraw"]),
    ):  # fmt: skip
        assert (await client(role, org=org).get(ONE)).json()["allowed_actions"] == allowed, role


async def test_who_looked_is_told_to_the_polyclinic_whose_referral_it_is(moved_on: Country, client: Client) -> None:
    p1, far = client("polyclinic", org="p1"), client("center", org="far")
    for one in (far, p1, client("polyclinic", org="p2")):
        await one.get(ONE)
    log = f"{ONE}/audit-log"
    assert [(await client("center", org=org).get(log)).status_code for org in ("far", "near")] == [403, 403]
    assert (await client("polyclinic", org="p2").get(log)).status_code == 404
    seen = (await p1.get(log)).json()["items"]
    assert [(one["act"], one["org"], one["person"], one["refused"]) for one in seen[:3]] == [
        ("read_referral", "far", "", None), ("read_referral", "p1", "polyclinic-1", None),
        ("read_referral", "p2", "", "referral_not_found"),
    ]  # fmt: skip
    page = (await client("operator").get(f"{log}?limit=1")).json()
    assert (page["items"][0]["person"], page["next"] is None) == ("center-1", False)
    rest = (await client("operator").get(f"{log}?cursor={page['next']}")).json()
    assert rest["items"][0]["org"] == "p1"


async def test_who_looked_is_told_however_the_id_was_written(offered: Country, client: Client) -> None:
    id, p1 = UUID(int=1), client("polyclinic", org="p1")
    for written in (id.hex, id.urn, f"{{{id}}}"):
        assert (await client("center", org="near").get(f"/v1/referrals/{written}")).status_code == 200
        assert (await client("center", org="far").get(f"/v1/referrals/{written}")).status_code == 404
    seen = (await p1.get(f"{ONE}/audit-log")).json()["items"]
    assert [one["org"] for one in seen] == ["near", "far"] * 3, "each read, and each refused one"


async def test_what_is_no_id_is_not_kept_for_it_may_be_an_iin(offered: Country, client: Client) -> None:
    iin = "200615600014"
    for path in (iin, f"{ONE[-36:]}?child_id={iin}", f"{ONE[-36:]}?{iin}=1", f"x-{iin}"):
        assert (await client("cook").get(f"/v1/referrals/{path}")).status_code == 403
    entries = (await client("operator").get("/v1/audit-log")).json()["items"]
    assert [one["refused"] for one in entries] == ["forbidden"] * 4
    assert iin not in str(entries), "the log is for ever"


async def test_a_center_sees_then_accepts(offered: Country, client: Client) -> None:
    near = client("center", org="near")
    assert (await near.post(f"{ONE}/seen")).json()["offers"][0]["state"] == "seen"
    accepted = await near.post(f"{ONE}/accept", json={"note_id": NOTE}, headers={"If-Match": '"2"'})
    assert (accepted.status_code, accepted.headers["etag"]) == (200, '"3"')
    assert accepted.json()["state"] == "accepted"
    assert accepted.json()["allowed_actions"] == ["admit", "no-show", "decline"]
    assert [(one["command"], one["actor"], one["note_id"]) for one in accepted.json()["history"]] == [
        ("offer", "router", None), ("seen", "center:near/center-1", None), ("accept", "center:near/center-1", NOTE),
    ]  # fmt: skip


async def test_a_declined_referral_is_routed_on(offered: Country, client: Client) -> None:
    near = client("center", org="near")
    answer = await near.post(f"{ONE}/decline", json={"reason": "no_capacity"})
    assert (answer.status_code, answer.json()["state"]) == (200, "submitted")
    await offered.deliver()
    assert await offered.queue("far") == [1]


async def test_a_wrong_state_names_the_allowed_actions(offered: Country, client: Client) -> None:
    near, admin = client("center", org="near"), client("admin")
    await near.post(f"{ONE}/accept")
    refused = await near.post(f"{ONE}/discharge", json={"outcome": "stable"})
    assert (await problem(refused))[:2] == (409, "illegal_transition")
    assert (refused.json()["state"], refused.json()["allowed_actions"]) == (
        "accepted", ["admit", "no-show", "decline"],
    )  # fmt: skip
    waiting = await admin.post(f"/v1/referrals/{UUID(int=2)}/accept")
    assert (await problem(waiting))[:2] == (409, "illegal_transition")
    assert waiting.json()["state"] == "waiting"


async def test_the_version_that_was_read_may_be_answered(offered: Country, client: Client) -> None:
    near = client("center", org="near")
    for tag in ('"1"', 'W/"2"', '"1", "2-gzip"', "2", "*"):
        assert (await near.post(f"{ONE}/seen", headers={"If-Match": tag})).status_code == 200, tag


async def test_an_older_version_is_refused_and_nothing_changes(offered: Country, client: Client) -> None:
    near = client("center", org="near")
    await near.post(f"{ONE}/seen")
    answer = await near.post(f"{ONE}/accept", headers={"If-Match": '"1"'})
    assert (await problem(answer))[:2] == (412, "version_moved")
    assert (await near.get(ONE)).json()["state"] == "offered"


REFUSED = [
    ({}, {}, "decline", "unknown_reason", ["reason"]),
    ({"reason": "bad weather"}, {}, "decline", "unknown_reason", ["reason"]),
    ({"reason": "no_capacity"}, {}, "accept", "validation_failed", ["reason"]),
    ({"reason": "other", "note": "Үлгі Бала"}, {}, "decline", "validation_failed", ["note"]),
    ({"reason": "other", "note": None}, {}, "decline", "validation_failed", ["note"]),
    ({"reason": "other", "note_id": "Үлгі Бала"}, {}, "decline", "validation_failed", ["note_id"]),
    ({"mood": "good"}, {}, "accept", "validation_failed", ["mood"]),
    ({}, {"If-Match": "first"}, "accept", "invalid_etag", ["If-Match"]),
    ({}, {"If-Match": "²".encode("latin-1")}, "accept", "invalid_etag", ["If-Match"]),
    ({}, {"If-Match": "9" * 5000}, "accept", "invalid_etag", ["If-Match"]),
]


async def test_each_refusal_names_its_field_and_changes_nothing(offered: Country, client: Client) -> None:
    near = client("center", org="near")
    for body, headers, command, code, fields in REFUSED:
        answer = await near.post(f"{ONE}/{command}", json=body, headers=headers)  # type: ignore[arg-type]
        assert await problem(answer) == (422, code, fields)
    assert (await near.get(ONE)).json()["version"] == 1


async def test_an_id_that_is_none_is_refused(client: Client) -> None:
    answer = await client("operator").get("/v1/referrals/first")
    assert await problem(answer) == (422, "validation_failed", ["referral_id"])


async def test_a_list_goes_on_by_its_cursor(country: Country, client: Client) -> None:
    await country.open("near", places=0)
    await country.submit(*range(1, 8))
    operator, found, cursor = client("operator"), [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await operator.get("/v1/referrals", params=query)).json()
        found.append([UUID(one["id"]).int for one in page["items"]])
        cursor = page["next"]
        if cursor is None:
            break
    assert found == [[7, 6, 5], [4, 3, 2], [1]]


async def test_a_list_can_be_narrowed(offered: Country, client: Client) -> None:
    operator = client("operator")
    assert await ids(operator, status="waiting") == [2]
    assert await ids(operator, center_id="near") == [1]
    assert await ids(operator, polyclinic_id="p2", status="offered") == []


STRANGE: list[tuple[dict[str, str], str, str]] = [
    ({"status": "lost"}, "validation_failed", "status"),
    ({"status": "offered,"}, "validation_failed", "status"),
    ({"status": "offered,lost"}, "validation_failed", "status"),
    ({"limit": "0"}, "validation_failed", "limit"),
    ({"center_id": "\x00"}, "validation_failed", "center_id"),
    ({"cursor": "what?"}, "invalid_cursor", "cursor"),
    ({"cursor": write_cursor()}, "invalid_cursor", "cursor"),
    ({"cursor": write_cursor(5)}, "invalid_cursor", "cursor"),
    ({"cursor": write_cursor("\x00")}, "invalid_cursor", "cursor"),
    ({"cursor": write_cursor("a", "b")}, "invalid_cursor", "cursor"),
]


async def test_a_strange_query_is_refused_by_field(operator: httpx2.AsyncClient) -> None:
    for query, code, field in STRANGE:
        assert await problem(await operator.get("/v1/referrals", params=query)) == (422, code, [field])


async def test_a_story_names_nobody(offered: Country, client: Client) -> None:
    """The service stores of a child what the event has: no name, no number, no phone."""
    story = (await client("operator").get(ONE)).json()
    assert {"full_name", "iin", "phone", "birth_date", "guardian"}.isdisjoint(story)


async def test_it_is_ready_and_describes_itself(client: Client) -> None:
    ready = await client().get("/readyz")
    assert ready.json() == {"ready": True, "checks": {"database": "ok", "migrated": "ok"}}
    paths = (await client().get("/openapi.json")).json()["paths"]
    assert {f"/v1/referrals/{{referral_id}}/{one}" for one in ("seen", "accept", "decline")} < set(paths)
