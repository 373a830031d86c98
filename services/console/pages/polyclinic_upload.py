"""Upload of a list of children: the page grows while lines are recorded, and ends with a file of those to mend."""

from collections.abc import AsyncIterator, Iterable, Mapping

import orjson
from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response, StreamingResponse

from services.console.pages.submission_form import CONSENT_TEXT
from services.console.pages.upload_lines import SHOWN, File
from services.console.rendering import dressed, language_of, render, render_text, renderer_of, words_of
from services.console.sign_in.admission import console_of
from services.console.sign_in.user import Polyclinic, User
from services.console.upstream import intake
from services.console.upstream.client import Refusal
from services.console.words.i18n import N_, Words
from services.console.words.search import Search, read_settlement_search
from services.contracts.reference import read_settlements
from services.contracts.submissions import CSV_COLUMNS

LARGEST = 16 * 1024 * 1024
"""Bytes of a file; a larger one is for the command or the API."""
router = APIRouter(max_body_size=LARGEST + 1024 * 1024)
_CUT = "<!-- result -->"
"""Where the page is cut: before it is sent at once, after it at the end."""
CONSENT = ("consent_text_version", "consent_language", "consent_given_on")
"""More columns, about the consent."""
EXAMPLE = (
    "200615600014", "Үлгі Бала", "15.06.2020", "female", "Үлгі Ана", "+7 701 000 00 00", "G80.1", "III", "1526384",
    "inpatient,day_stay", "600", "",
)  # fmt: skip
"""A made-up child."""
_NOTHING = N_("Choose a file")
_NO_ROWS = N_("There is no child in this file: a row for each must follow the first line.")
_WORKBOOK = N_("This is no CSV. In Excel choose “Save as”, then “CSV UTF-8”, and upload that file.")
_HEADER = N_("The first line does not name the columns as it must. Compare it with the example.")
_BROKEN = N_(
    "The network does not answer. What is recorded is kept: send the same file again, and nothing is recorded twice."
)


@router.get("/upload")
async def begin(request: Request, user: Polyclinic) -> Response:
    return _page(request)


@router.post("/upload")
async def upload(request: Request, user: Polyclinic) -> Response:
    """Send the lines to intake part by part, and tell of each part as soon as it is recorded."""
    words, sent = words_of(request), (await request.form()).get("file")
    content = await sent.read() if isinstance(sent, UploadFile) else b""
    if refused := _refused(sent, content):
        return _page(request, 422, errors={"file": words.gettext(refused)})
    file, places = File.read(content), read_settlement_search(console_of(request).settings.data)
    before, _, after = render_text(request, "polyclinic/uploaded.html").partition(_CUT)

    async def parts() -> AsyncIterator[str]:
        yield before
        problem = ""
        try:
            async for _ in _send(user, file, words, places):
                yield render_text(request, "polyclinic/upload_progress.html", file=file)
        except Refusal as refusal:
            problem = words.gettext(_HEADER if refusal.status == 422 else _BROKEN)
        yield render_text(
            request, "polyclinic/upload_result.html",
            file=file, shown=file.refused[:SHOWN], to_mend=file.to_mend() if file.refused else "", problem=problem,
        )  # fmt: skip
        yield after

    return dressed(request, StreamingResponse(parts(), media_type="text/html"))


def _refused(sent: object, content: bytes) -> str:
    """Why a file is none with rows; a workbook, a picture, a PDF or text in UTF-16 has bytes that no CSV has."""
    if not isinstance(sent, UploadFile) or not sent.filename:
        return _NOTHING
    if b"\0" in content or content.startswith(b"%PDF"):
        return _WORKBOOK
    return "" if content.strip() and File.read(content).count else _NO_ROWS


@router.get("/upload/example.csv")
async def example(user: Polyclinic) -> Response:
    """A file with one made-up child, as a spreadsheet opens it."""
    return _spreadsheet("joldama", [CSV_COLUMNS + CONSENT, (*EXAMPLE, CONSENT_TEXT, "kk", "2026-11-02")])


@router.get("/upload/places.csv")
async def places(request: Request, user: Polyclinic) -> Response:
    """All places by region and name, with the numbers that `settlement_id` holds."""
    language, labels = language_of(request), renderer_of(request).labels.names
    found = read_settlements(console_of(request).settings.data).values()
    rows = [(labels["region"][one.region_id][language], one.name_kk, one.name_ru, one.name_en, one.id) for one in found]
    named = [(id, *names, region) for region, *names, id in sorted(rows)]
    return _spreadsheet("joldama-places", [("settlement_id", "name_kk", "name_ru", "name_en", "region"), *named])


def _spreadsheet(name: str, rows: Iterable[Iterable[str]]) -> Response:
    """A file with these cells, none of which has a sign of CSV in it, as spreadsheets of the country open it."""
    text = "\r\n".join(";".join(row) for row in rows) + "\r\n"
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text.encode("utf-8-sig"), headers=headers, media_type="text/csv")


def _page(request: Request, status: int = 200, errors: Mapping[str, str] | None = None) -> Response:
    return render(
        request,
        "polyclinic/upload.html",
        status,
        errors=errors or {},
        columns=CSV_COLUMNS + CONSENT,
        version=CONSENT_TEXT,
    )


async def _send(user: User, file: File, words: Words, places: Search) -> AsyncIterator[None]:
    """One step a part. Raises Refusal."""
    for number, (before, part) in enumerate(file.parts()):

        async def content(part: bytes = part) -> AsyncIterator[bytes]:
            yield part

        key = f"{file.key}-{number}"
        async with intake.submit_bulk(user.services, content(), file.media_type, key) as answer:
            async for line in answer.aiter_lines():
                if line:
                    file.take(before, orjson.loads(line), words, places)
        yield
