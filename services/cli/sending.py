"""Sending parts of a file of submissions to intake, with retries."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

from services.cli.failures import PASSING, Refused, Unreachable, say
from services.cli.submissions import MEDIA_TYPES, Format, Part

if TYPE_CHECKING:
    from services.cli.client import Api

Outcome = dict[str, Any]
"""Intake's result of a submission, with the `line` of the file on which the submission begins."""


def is_taken(outcome: Outcome) -> bool:
    return outcome.get("status") == 201


def complaints(outcome: Outcome, kind: Format) -> Iterator[str]:
    """The errors of a refused submission: a sentence for each field, or one for all of it."""
    code = outcome.get("code", "refused")
    if code == "possible_duplicate" and kind is Format.CSV:
        outcome = outcome | {"detail": _in_a_column(outcome)}
    for one in outcome.get("errors") or []:
        yield f"{one['field']}: {one['message']} ({one.get('code', code)})"
    if more := outcome.get("more_errors"):
        yield f"and {more} more errors"
    if not outcome.get("errors"):
        yield f"{outcome.get('detail', 'refused')} ({code})"


def _in_a_column(outcome: Outcome) -> str:
    """What the API's detail says, for who has a table."""
    head = str(outcome.get("detail")).partition(" If this is another child")[0]
    ids = ";".join(outcome.get("referral_ids", [])) or ";"
    return f"{head} If this is another child, such as a twin, add a column not_duplicate_of with {ids}"


def warnings(outcome: Outcome) -> Iterator[str]:
    """What is to be looked at in a submission that was taken, a sentence each."""
    for one in outcome.get("warnings") or []:
        yield f"{one['field']}: {one['message']} ({one['code']})"


def send(api: "Api", part: Part, kind: Format, key: str, patience: float) -> list[Outcome]:
    """The outcomes of a part, one a record and in order. Raises Failure when the part cannot be sent.

    While the network is away the part is sent again, for `patience` seconds of growing pauses. Under the same `key` no
    record is taken twice.
    """
    from services.cli.client import persistently

    told = f"joldama: {api.url} does not take submissions now; trying again for up to {patience:g} s ..."
    results = persistently(lambda: _post(api, part, kind, key), patience, wait=lambda: say(told))
    return [{**result, "line": record.line} for record, result in zip(part.records, results, strict=True)]


def _post(api: "Api", part: Part, kind: Format, key: str) -> list[dict[str, Any]]:
    headers = {"Content-Type": MEDIA_TYPES[kind], "Idempotency-Key": key}
    response = api.send("POST", "/v1/diagnoses/bulk", content=part.body, headers=headers)
    results = [orjson.loads(line) for line in response.content.splitlines() if line]
    if len(results) != len(part.records):
        # the service stopped in the middle of its answer
        raise Unreachable(f"{api.url} stopped after {len(results)} results for {len(part.records)} submissions.")
    for result in results:
        if result.get("status") in PASSING:
            raise Refused(result["status"], result)
    return results
