"""`joldama register-centers`: missing centers and figures are registered, and others stay unchanged."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request

from services.cli.client import Api
from services.cli.register import register_missing
from services.kit.http.problems import Problem
from tests.unit.cli.conftest import Harness, Joldama, StubApi

CENTERS = """\
id,name_kk,name_ru,name_en,region_id,settlement_id,latitude,longitude
near,Жақын,Ближний,Near,KZ-75,almaty,43.2,76.9
far,Алыс,Дальний,Far,KZ-71,astana,51.1,71.4
"""
SETTLEMENTS = """\
id,name_kk,name_ru,name_en,region_id,latitude,longitude,population
almaty,Алматы,Алматы,Almaty,KZ-75,43.25,76.95,
astana,Астана,Астана,Astana,KZ-71,51.18,71.45,
"""
PROGRAMMES = """\
id,center_id,modality,age_from_months,age_under_months,icd10_prefixes,catchment,places,course_days
near-1,near,inpatient,0,216,G80;F84,nation,12,21
near-2,near,day_stay,0,36,G80,region,5,10
far-1,far,inpatient,0,216,G80,nation,30,21
"""


class Registry(StubApi):
    """A stub of the registry: centers, and the figures of their programmes, None where none was set."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        self.centers: set[str] = set()
        self.figures: dict[tuple[str, str], int | None] = {}
        self.bodies: dict[str, Any] = {}
        self.stops_after = 100
        self.app.get("/v1/centers")(self.list)
        self.app.get("/v1/forecast")(self.forecast)
        self.app.put("/v1/centers/{center}")(self.register)
        self.app.put("/v1/centers/{center}/programmes/{programme}/places")(self.set)

    async def list(self) -> dict[str, Any]:
        return {"items": [{"id": one} for one in sorted(self.centers)], "next": None}

    async def forecast(self, cursor: str = "") -> dict[str, Any]:
        every = sorted(self.figures.items())
        at = int(cursor or 0)
        items = [
            {"center_id": center, "programme_id": programme, "confirmed_at": None if places is None else "2026-11-20"}
            for (center, programme), places in every[at : at + 2]
        ]
        return {"items": items, "next": str(at + 2) if at + 2 < len(every) else None}

    async def register(self, center: str, request: Request) -> dict[str, Any]:
        self._count()
        self.bodies[center] = await request.json()
        self.note(center, request)
        self.centers.add(center)
        self.figures |= {(center, one["id"]): None for one in self.bodies[center]["programmes"]}
        return {"id": center}

    async def set(self, center: str, programme: str, request: Request) -> dict[str, Any]:
        self._count()
        body: dict[str, Any] = await request.json()
        self.note(programme, request, (body, request.headers.get("if-none-match")))
        if self.figures[center, programme] is not None:
            raise Problem(412, "version_moved", "It is not there as expected.")
        self.figures[center, programme] = body["places"]
        return body

    def _count(self) -> None:
        self.stops_after -= 1
        if self.stops_after < 0:
            raise Problem(403, "forbidden", "No more.")


@pytest.fixture
def registry(harness: Harness) -> Iterator[Registry]:
    registry = Registry(harness)
    with harness.serve(registry.app):
        yield registry


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "centers.csv").write_text(CENTERS)
    (tmp_path / "programmes.csv").write_text(PROGRAMMES)
    (tmp_path / "settlements.csv").write_text(SETTLEMENTS)
    return tmp_path


ALL = {("near", "near-1"): 12, ("near", "near-2"): 5, ("far", "far-1"): 30}


def test_centers_are_registered_with_their_programmes_and_first_figures(
    joldama: Joldama, registry: Registry, data: Path
) -> None:
    ended = joldama("register-centers", "--data", str(data))
    assert (ended.exit_code, ended.stdout) == (0, "2 centers registered\n")
    assert registry.figures == ALL
    programme = {
        "id": "near-1", "modality": "inpatient", "age_from_months": 0, "age_under_months": 216,
        "icd10_prefixes": ["G80", "F84"], "catchment": "nation", "course_days": 21,
    }  # fmt: skip
    near = registry.bodies["near"]
    assert near["programmes"][0] == programme
    assert {name for name in near if name != "programmes"} == {
        "name_kk", "name_ru", "name_en", "region_id", "settlement_id", "latitude", "longitude",
    }  # fmt: skip
    assert ("near-1", "operator", "", ({"places": 12}, "*")) in registry.calls


@pytest.mark.parametrize("calls", range(5))
def test_the_next_run_completes_an_interrupted_one(
    joldama: Joldama, registry: Registry, data: Path, calls: int
) -> None:
    registry.stops_after = calls
    assert joldama("register-centers", "--data", str(data)).exit_code == 4
    assert registry.figures != ALL
    registry.stops_after = 100
    assert joldama("register-centers", "--data", str(data)).exit_code == 0
    assert registry.figures == ALL
    assert len(registry.calls) == 5


def test_registered_centers_and_figures_are_not_changed(joldama: Joldama, registry: Registry, data: Path) -> None:
    registry.centers, registry.figures = {"near", "far"}, {**ALL, ("near", "near-1"): 99, ("other", "o-1"): None}
    assert joldama("register-centers", "--data", str(data)).stdout == (
        "0 centers registered: all of them were there already\n"
    )
    assert registry.calls == []


def test_a_programme_of_another_center_gets_no_figure(joldama: Joldama, registry: Registry, data: Path) -> None:
    registry.centers, registry.figures = {"near", "far"}, {**ALL, ("near", "near-2"): 5, ("other", "near-1"): None}
    joldama("register-centers", "--data", str(data))
    assert registry.calls == []


def test_a_figure_that_the_center_sets_meanwhile_is_not_replaced(
    registry: Registry, data: Path, harness: Harness
) -> None:
    registry.centers, registry.figures = {"near", "far"}, {**ALL, ("near", "near-2"): None}

    class Slow(Api):
        """Sets a figure as the center just before each call."""

        def put(self, *words: Any) -> Any:
            registry.figures["near", "near-2"] = 6
            return super().put(*words)

    from services.cli.network import read_network
    from services.cli.token import local_token
    from services.contracts.vocabulary import Role

    told: list[tuple[int, int]] = []
    with Slow(read_network().url("referral"), local_token(Role.OPERATOR, None)) as api:
        assert register_missing(api, data, lambda done, total: told.append((done, total))) == 0
    assert registry.figures["near", "near-2"] == 6
    assert told == [(0, 1), (1, 1)]


def test_json_output_has_the_number_of_registered_centers(joldama: Joldama, registry: Registry, data: Path) -> None:
    assert json.loads(joldama("register-centers", "--data", str(data), "--json").stdout) == {"registered": 2}


def test_nothing_is_registered_while_a_center_is_not_where_it_should_be(
    joldama: Joldama, registry: Registry, data: Path
) -> None:
    rows = CENTERS.replace("43.2,76.9", "76.9,43.2").replace("51.1,71.4", "43.2,76.9")
    (data / "centers.csv").write_text(rows)
    ended = joldama("register-centers", "--data", str(data))
    assert (ended.exit_code, registry.calls) == (1, [])
    assert "2 centers" in ended.stderr
    assert "near: latitude 76.9, longitude 43.2 is" in ended.stderr
    assert "latitude 43.2, longitude 76.9 would be in Almaty (swapped_coordinates)" in ended.stderr
    assert "far: latitude 43.2, longitude 76.9 is near Almaty (KZ-75)" in ended.stderr


@pytest.mark.parametrize("role", ["center", "polyclinic", "referral-api"])
def test_who_registers_no_centers_is_told_so(joldama: Joldama, registry: Registry, data: Path, role: str) -> None:
    registry.centers, registry.figures = {"near", "far"}, dict(ALL)
    ended = joldama("register-centers", "--data", str(data), "--as", role, "--org", "near")
    assert (ended.exit_code, ended.stdout) == (4, "")
    assert "only an operator" in ended.stderr
