"""The built assets, held in memory and served under names that carry their hash, for ever."""

import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

STYLE = "console.css"
ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""The suffix of a compressed file by its `Content-Encoding`, the smaller first."""
router = APIRouter()


@dataclass(frozen=True)
class Assets:
    """Files by name with a hash; `names` gives that by the plain one, `hashes` what a CSP takes for an inline text."""

    names: Mapping[str, str]
    hashes: Mapping[str, str]
    files: Mapping[str, bytes] = field(repr=False)

    def url(self, name: str) -> str:
        """Raises KeyError for an unknown name."""
        return f"/assets/{self.names[name]}"

    def text(self, name: str) -> str:
        return self.files[self.names[name]].decode()


def read_assets(folder: Path) -> Assets:
    """What `services.console.assets.build` wrote. Raises FileNotFoundError when it has not run."""
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {one.name: one.read_bytes() for one in folder.iterdir() if one.name != "manifest.json"}
    return Assets(manifest["names"], manifest["hashes"], files)


@router.get("/assets/{name}", include_in_schema=False)
async def serve(request: Request, name: str, accept_encoding: Annotated[str, Header()] = "") -> Response:
    assets: Assets = request.app.state.renderer.assets
    if name not in assets.names.values():
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    encoding = choose_encoding(accept_encoding)
    body = assets.files.get(name + ENCODINGS.get(encoding, ""))
    if encoding and body is not None:
        headers["Content-Encoding"] = encoding
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(assets.files[name] if body is None else body, headers=headers, media_type=kind)


def choose_encoding(accepted: str) -> str:
    """The smallest that the browser takes; empty for none."""
    known = {part.partition(";")[0].strip() for part in accepted.split(",") if not part.strip().endswith(";q=0")}
    return next((one for one in ENCODINGS if one in known), "")
