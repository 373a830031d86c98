"""`joldama demo-children`: made-up submissions to try the network with."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer


def demo_children(
    count: Annotated[int, typer.Option("--count", min=0, help="How many.")] = 200,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same children.")] = 1,
    today: Annotated[
        datetime | None,
        typer.Option("--today", formats=["%Y-%m-%d"], help="Ages are as of this day.", show_default="2026-11-01"),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", envvar="JOLDAMA_DATA", help="Reference data.", show_default="the checkout's"),
    ] = None,
) -> None:
    """Write made-up submissions as NDJSON, each a valid body of POST /v1/diagnoses.

    Ages, diagnoses and settlements follow what is known of the country; names, phones and IINs belong to nobody.
    Without --today the lines are the same on every day and stay valid for years; with it some newborns have no IIN.

    Example: joldama demo-children --count 200 --seed 7 > children.ndjson
    """
    from services.cli.demo_children import write_demo_children

    write_demo_children(sys.stdout, count, seed, data or _checkout_data(), today.date() if today else None)


def _checkout_data() -> Path:
    return Path(__file__).resolve().parents[2] / "data"
