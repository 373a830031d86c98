"""`/v1/centers`: the registry of centers and programmes, and the figures of places."""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Path, Query, Response

from services.contracts.authority import OPERATORS, Visibility, acting_role, actor
from services.contracts.near_matches import did_you_mean
from services.contracts.vocabulary import Role
from services.kit.audit import note
from services.kit.http.auditing import audited
from services.kit.http.auth import Principal, Require
from services.kit.http.pages import Page, write_cursor
from services.kit.http.preconditions import NOT_MODIFIED, Precondition, etag, not_modified, version_moved
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router
from services.kit.versions import VersionMoved
from services.referral.adapters.sql_directory import Directory
from services.referral.bootstrap import ReferralService
from services.referral.domain.registration import InvalidRegistration, UnknownProgramme
from services.referral.entrypoints.center_schemas import (
    Center,
    CenterUpdate,
    FigureBody,
    FigureView,
    center_of,
    registration_of,
)
from services.referral.entrypoints.field_types import Id, Word
from services.referral.entrypoints.filters import check_ids
from services.referral.entrypoints.referrals import READERS, Reader, Service, last_seen

router = guarded_router("/v1/centers", tags=["centers"])
PAGES = 32
"""Pages of centers that are kept as they are written."""
FIGURE = "/{center_id}/programmes/{programme_id}/places"


@router.get("", dependencies=[READERS], response_model=Page[Center], responses=NOT_MODIFIED)
@audited(never=True)
async def list_centers(
    service: Service,
    expected: Precondition,
    region_id: Word | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """The centers with their open programmes, by id. The ETag is the registry's version."""
    await check_ids(service, region_id=region_id)
    after, directory = last_seen(cursor), await service.reading.views.directory()
    if known := not_modified(expected, directory.version):
        return known
    written = _written(directory, region_id, after, limit)
    return Response(written, headers={"ETag": etag(directory.version)}, media_type="application/json")


def _written(directory: Directory, region_id: str | None, after: str | None, limit: int) -> bytes:
    """A page of centers: it is the same for everybody, until an entry changes."""
    asked = region_id, after, limit
    if asked not in directory.pages:
        if len(directory.pages) >= PAGES:
            directory.pages.clear()
        found = directory.listed(region_id, after, limit + 1)
        more = write_cursor(found[limit - 1].center.id) if len(found) > limit else None
        page = Page[Center](items=[center_of(one) for one in found[:limit]], next=more)
        directory.pages[asked] = page.model_dump_json().encode()
    return directory.pages[asked]


@router.get("/{center_id}", dependencies=[READERS], response_model=Center, responses=NOT_MODIFIED)
@audited(never=True)
async def read_center(
    center_id: Word, service: Service, expected: Precondition, response: Response
) -> Center | Response:
    """One center with its open programmes."""
    center = await _center(center_id, service, response)
    return not_modified(expected, center.version) or center


async def _center(center_id: str, service: ReferralService, response: Response) -> Center:
    found = (await service.reading.views.directory()).views.get(center_id)
    if found is None:
        near = did_you_mean(center_id, await service.names.known_instead("center_id", center_id) or ())
        raise Problem(404, "center_not_found", f"There is no center {center_id}{near or '.'}")
    response.headers["ETag"] = etag(found.center.version)
    return center_of(found)


@router.put("/{center_id}", dependencies=[Depends(Require(*OPERATORS))])
async def put_center(
    center_id: Annotated[Id, Path()], body: CenterUpdate, service: Service, expected: Precondition, response: Response
) -> Center:
    """Register a center or change its entry; the same entry again changes nothing.

    A programme that is left out is closed: its queue is reviewed, and children who have a place keep it. The figures of
    places are resources of their own.
    """
    note({"center_id": center_id})
    if body.id not in (None, center_id):
        raise Problem.of_field("id", "differs_from_path", "is not the center of the path")
    if body.version is not None and expected.versions is None:
        expected = replace(expected, versions=frozenset({body.version}))
    try:
        await service.register_center(registration_of(center_id, body), expected)
    except InvalidRegistration as error:
        raise Problem.of_field(error.field, error.code, error.message) from None
    except VersionMoved:
        raise version_moved() from None
    return await _center(center_id, service, response)


def _unknown(center_id: str, programme_id: str) -> Problem:
    return Problem(404, "unknown_programme", f"Center {center_id} has no open programme {programme_id}.")


@router.get(FIGURE, response_model=FigureView, responses=NOT_MODIFIED)
@audited(never=True)
async def read_figure(
    center_id: Word, programme_id: Word, service: Service, reader: Reader, expected: Precondition, response: Response
) -> FigureView | Response:
    """How many places the programme has by its center, and when that was confirmed."""
    try:
        figure = await service.registry.find_figure(center_id, programme_id)
    except UnknownProgramme:
        raise _unknown(center_id, programme_id) from None
    if figure is None:
        raise Problem(404, "no_figure", "The center has not set this programme's places yet.")
    response.headers["ETag"] = etag(figure.version)
    return not_modified(expected, figure.version) or FigureView.of(figure, Visibility.of(reader))


@router.put(FIGURE)
async def put_figure(
    center_id: Word,
    programme_id: Word,
    body: FigureBody,
    service: Service,
    principal: Annotated[Principal, Depends(Require(Role.CENTER, *OPERATORS))],
    expected: Precondition,
    response: Response,
) -> FigureView:
    """Set, confirm, suspend or resume. Nobody loses a place by it; the worker applies it at capacity."""
    note({"center_id": center_id, "programme_id": programme_id, "places": body.places, "suspended": body.suspended})
    role = acting_role(principal, (Role.CENTER, *OPERATORS), center_id=center_id)
    if role is None:
        raise Problem(403, "forbidden", "This is another center's.")
    by = actor(principal, role)
    try:
        figure = await service.registry.set_figure(center_id, programme_id, body.places, body.suspended, by, expected)
    except UnknownProgramme:
        raise _unknown(center_id, programme_id) from None
    except VersionMoved:
        raise version_moved() from None
    response.headers["ETag"] = etag(figure.version)
    return FigureView.of(figure, Visibility.of(principal))
