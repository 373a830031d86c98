"""Parts of submissions on their way to intake, each until it has its results."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import orjson

from services.cli.client import PASSING, Api, ProblemTold, Refused, patiently, persistently
from services.cli.failures import say
from services.cli.submissions import MEDIA_TYPES, Format, Part

PATH = "/v1/diagnoses/bulk"
_PATIENCE = httpx2.Timeout(120, connect=5)
"""Seconds: intake answers when it has read the whole part."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the submission that begins at `line` of the file; `result` is intake's own words."""

    line: int
    result: dict[str, Any]

    @property
    def taken(self) -> bool:
        return self.result.get("status") == 201

    def as_dict(self) -> dict[str, Any]:
        return {**self.result, "line": self.line}

    def complaints(self) -> Iterator[str]:
        """One sentence a field, or one for the submission."""
        code = self.result.get("code", "refused")
        for one in self.result.get("errors") or []:
            yield f"{one['field']}: {one['message']} ({one.get('code', code)})"
        if not self.result.get("errors"):
            yield f"{self.result.get('detail', 'refused')} ({code})"


def send(api: Api, part: Part, kind: Format, key: str, patience: float) -> list[Outcome]:
    """The outcomes of a part, one a record and in order. Raises Failure when it does not get through.

    It is sent again while the network is away, for `patience` seconds of growing pauses; under the same `key` a record
    that was taken is not taken twice.
    """

    def wait() -> None:
        say(f"joldama: {api.url} does not take submissions now; trying again for up to {patience:g} s ...")

    call = partial(_post, api, part, kind, key)
    results = persistently(call, api.url, pauses=patiently(patience), wait=wait if patience else lambda: None)
    return [Outcome(record.line, result) for record, result in zip(part.records, results, strict=True)]


def _post(api: Api, part: Part, kind: Format, key: str) -> list[dict[str, Any]]:
    headers = {"Content-Type": MEDIA_TYPES[kind], "Idempotency-Key": key}
    response = api.http.post(PATH, content=part.body, headers=headers, timeout=_PATIENCE)
    if response.is_error:
        raise Refused(response)
    results = [orjson.loads(line) for line in response.content.splitlines() if line]
    if len(results) != len(part.records):
        # its headers were out when the service stopped: the rest of the results never came
        raise httpx2.RemoteProtocolError(f"{len(results)} results for {len(part.records)} submissions")
    for result in results:
        if result.get("status") in PASSING:
            raise ProblemTold(result["status"], result)
    return results
