"""The API over HTTP: claims and the rebuild, for services only."""

from services.capacity.entrypoints.requests import BATCH_BODY
from services.capacity.ports import Store
from services.contracts.claims import ClaimChangesBatch, ClaimsBatch, DataVersion
from tests.integration.capacity.api_client import Client, assert_problem, two_centers
from tests.integration.capacity.network import change, claim, opening, referral, request, steps, story


async def test_referrals_claim_occupy_and_release_in_batches(store: Store, client: Client) -> None:
    await two_centers(store)
    service, path = client("referral-worker"), f"/v1/claims/{referral(1)}"
    changes = ClaimChangesBatch(changes=(change(1), change(2))).model_dump_json()
    claims = ClaimsBatch(claims=(request(1, "a"), request(2, "a"))).model_dump_json()
    held, queued = (await service.post("/v1/claims/batch", content=claims)).json()["results"]
    assert (held["state"], held["programme_id"], held["free"]) == ("held", "a", {"a": 1})
    assert (queued["state"], queued["programme_id"]) == ("waiting", None)
    occupied = (await service.post("/v1/claims/occupy", content=changes)).json()
    assert [one["state"] for one in occupied["results"]] == ["occupied", "waiting"]
    assert occupied["data_version"]["sequence"] == 6
    assert (await service.get(path)).json()["state"] == "occupied"
    released = (await service.post("/v1/claims/release", content=changes)).json()
    assert [(one["state"], one["repeated"]) for one in released["results"]] == [("none", False)] * 2
    assert released["data_version"]["sequence"] == 9
    assert (await story(store))[-3:] == ["PlaceReleased a 1", "PlaceHandedOver a 2", "PlaceReleased a 2"]
    again = (await service.post("/v1/claims/occupy", content=changes)).json()
    assert [(one["state"], one["repeated"]) for one in again["results"]] == [("none", True)] * 2
    assert again["data_version"]["sequence"] == 9


async def test_a_step_of_a_batch_is_of_capacitys_clock(store: Store, client: Client) -> None:
    await two_centers(store)
    await claim(store, 1, "a")
    changes = ClaimChangesBatch(changes=(change(1),)).model_dump_json()
    for path in ("/v1/claims/occupy", "/v1/claims/release"):
        await client("referral-worker").post(path, content=changes)
        last = (await steps(store))[-1]
        assert last.at.isoformat() == "2026-03-02T09:01:00+00:00"


async def test_a_batch_that_names_no_attempt_or_too_many_is_refused_whole(store: Store, client: Client) -> None:
    await two_centers(store)
    await claim(store, 1, "a")
    before = await story(store)
    one = {"referral_id": str(referral(1)), "attempt": 1}
    for path in ("/v1/claims/occupy", "/v1/claims/release"):
        for wrong, field in (
            ([one, {"referral_id": str(referral(1))}], "changes.1.attempt"),
            ([one, one | {"attempt": 0}], "changes.1.attempt"),
            ([one, one | {"attempt": True}], "changes.1.attempt"),
            ([one, one | {"attempt": "1"}], "changes.1.attempt"),
            ([one, one | {"at": "2026-03-02T09:01:00Z"}], "changes.1.at"),
            ([one] * 1001, "changes"),
        ):
            answer = await client("referral-worker").post(path, json={"changes": wrong})
            assert_problem(answer, 422, "validation_failed", field)
    assert await story(store) == before


async def test_a_batch_that_names_no_candidate_is_refused_whole_and_does_nothing(store: Store, client: Client) -> None:
    await two_centers(store)
    before = await story(store)
    batch = ClaimsBatch(claims=(request(1, "a"), request(2, "b"))).model_dump(mode="json")
    for wrong, field in (([], "candidates"), ([[]], "candidates.0"), ([["x y"]], "candidates.0.0")):
        batch["claims"][1]["candidates"] = wrong
        answer = await client("referral-worker").post("/v1/claims/batch", json=batch)
        assert_problem(answer, 422, "validation_failed", f"claims.1.{field}")
    assert await story(store) == before


async def test_a_number_is_no_moment_and_a_boolean_no_number(store: Store, client: Client) -> None:
    await two_centers(store)
    before = await story(store)
    for field, wrong in (
        *(("at", wrong) for wrong in (1796083200, "1796083200", 1796083200.0, 1796083200000, True)),
        *(("rank", wrong) for wrong in (True, "1", 1.5)),
        ("retain", "yes"),
    ):
        batch = {"claims": [request(1, "a").model_dump(mode="json") | {field: wrong}]}
        answer = await client("referral-worker").post("/v1/claims/batch", json=batch)
        assert_problem(answer, 422, "validation_failed", f"claims.0.{field}")
    assert await story(store) == before


async def test_a_claim_is_answered_with_its_positions_while_it_waits(store: Store, client: Client) -> None:
    path = f"/v1/claims/{referral(1)}"
    assert_problem(await client("referral-worker").get(path), 503, "rebuilding")
    await two_centers(store)
    nothing = (await client("referral-worker").get(path)).json()
    assert (nothing["state"], nothing["attempt"], nothing["positions"]) == ("none", 0, [])
    await claim(store, 1, "c")
    answer = (await client("referral-worker").get(path)).json()
    assert answer["positions"] == [{"programme_id": "c", "position": 1, "length": 1}]
    assert (answer["state"], answer["queues"], answer["data_version"]["sequence"]) == ("waiting", ["c"], 4)
    assert_problem(await client("operator").get(path), 403, "forbidden")


async def test_claims_are_listed_and_looked_up_with_the_figures(store: Store, client: Client) -> None:
    await two_centers(store)
    await claim(store, 1, "a")
    await claim(store, 2, "c")
    service = client("referral-worker")
    pages = [(await service.get("/v1/claims")).json()]
    while following := pages[-1]["next"]:
        pages.append((await service.get(f"/v1/claims?cursor={following}")).json())
    found, last = {one["referral_id"]: one["state"] for page in pages for one in page["items"]}, pages[-1]
    assert found == {str(referral(1)): "held", str(referral(2)): "waiting"}
    assert [one["programme_id"] for one in last["figures"]] == ["a", "b", "c"]
    wanted = {"referral_ids": [str(referral(2)), str(referral(9))]}
    looked_up = (await service.post("/v1/claims/lookup", json=wanted)).json()
    assert {one["referral_id"]: one["state"] for one in looked_up["items"]} == {
        str(referral(2)): "waiting", str(referral(9)): "none",
    }  # fmt: skip
    assert (looked_up["data_version"], looked_up["figures"]) == (last["data_version"], last["figures"])
    assert_problem(await service.get("/v1/claims?cursor=x"), 422, "invalid_cursor", "cursor")


async def test_data_behind_what_the_caller_has_seen_answers_503_rebuilding(store: Store, client: Client) -> None:
    service = client("referral-worker")
    assert_problem(await client("operator").get("/v1/capacity"), 503, "rebuilding")
    await two_centers(store)
    seen = DataVersion(epoch="1", sequence=1)
    answer = await service.post("/v1/claims/batch", content=_claims(seen))
    assert_problem(answer, 503, "rebuilding")
    assert answer.headers["retry-after"] == "1"
    for path in ("/v1/claims/release", "/v1/claims/occupy"):
        changes = ClaimChangesBatch(seen=seen, changes=(change(1),)).model_dump_json()
        assert_problem(await service.post(path, content=changes), 503, "rebuilding")
    opened = opening("a", 1, seen=seen).model_dump_json()
    assert_problem(await service.put("/v1/programmes/a", content=opened), 503, "rebuilding")
    assert (await service.get("/v1/rebuild?epoch=1&sequence=1")).json()["state"] == "rebuilding"
    assert_problem(await service.get("/v1/rebuild?epoch=1"), 422, "missing", "sequence")
    assert_problem(await service.get("/v1/rebuild?sequence=1"), 422, "missing", "epoch")


async def test_a_rebuild_goes_through_its_steps_and_an_overtaken_one_is_refused(store: Store, client: Client) -> None:
    service, new = client("referral-worker"), {"epoch": "9000000000000"}
    assert (await service.post("/v1/rebuild", json=new)).json() == {"state": "rebuilding", "epoch": new["epoch"]}
    assert_problem(await service.post("/v1/rebuild", json=new), 409, "another_generation")
    one = opening("a", 2, version=3).model_dump(mode="json", exclude={"waiting", "at", "seen"})
    assert (await service.put("/v1/rebuild/programmes", json=new | {"programmes": [one]})).json() == {"refused": []}
    claims = [
        {"referral_id": str(referral(number)), "attempt": 1, "state": "held", "programme_ids": [name]}
        for number, name in ((1, "a"), (2, "nowhere"))
    ]
    restored = await service.put("/v1/rebuild/claims", json=new | {"claims": claims})
    assert restored.json() == {"refused": [str(referral(2))]}
    opened = (await service.post("/v1/rebuild/open", json=new)).json()
    assert opened == {"data_version": {"epoch": new["epoch"], "sequence": 1}, "handed_over": 0}
    assert (await service.get(f"/v1/claims/{referral(1)}")).json()["state"] == "held"
    for method, path, body in (
        ("PUT", "/v1/rebuild/programmes", {"programmes": [one]}),
        ("PUT", "/v1/rebuild/claims", {"claims": claims}),
        ("POST", "/v1/rebuild/open", {}),
    ):
        answer = await service.request(method, path, json={"epoch": "9000000000001"} | body)
        assert_problem(answer, 409, "another_generation")


async def test_the_largest_batches_pass_and_a_larger_body_is_refused(store: Store, client: Client) -> None:
    await two_centers(store)
    service = client("referral-worker")
    tiers = [" ".join(f"a-programme-of-a-long-name-{part}-{number}" for number in range(20)) for part in range(15)]
    claims = ClaimsBatch(claims=(request(1, *tiers),) * 1000).model_dump_json()
    assert 8_000_000 < len(claims) < BATCH_BODY
    answer = await service.post("/v1/claims/batch", content=claims)
    assert [one["state"] for one in answer.json()["results"]] == ["waiting"] * 1000
    before = await story(store)
    larger = ClaimChangesBatch(changes=(change(1),)).model_dump_json().ljust(BATCH_BODY + 1)
    assert_problem(await service.post("/v1/claims/release", content=larger), 413, "too_large")
    assert await story(store) == before


def _claims(seen: DataVersion) -> str:
    return ClaimsBatch(seen=seen, claims=(request(1, "a"),)).model_dump_json()
