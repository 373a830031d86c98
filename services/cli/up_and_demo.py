"""`joldama up` and `joldama demo-children`: a local network, and made-up children for it."""

import sys
from datetime import datetime
from typing import Annotated

import typer

from services.cli.reference import DataOption, data_folder


def up(children: Annotated[int, typer.Option(min=0, help="Demo children to route at the start.")] = 200) -> None:
    """Start the whole network on this machine: Kafka, Valkey and all services, on loopback. Ctrl-C stops it.

    Its state is in JOLDAMA_HOME (by default .joldama in this folder) and survives a stop. Networks with other homes run
    side by side.

    Example: JOLDAMA_HOME=second joldama up --children 50
    """
    from services.cli.up.serve import run

    raise typer.Exit(run(children=children))


def demo_children(
    count: Annotated[int, typer.Option(min=0, help="How many.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed makes the same children.")] = 1,
    today: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Ages are as of this day.", show_default="2026-11-01")
    ] = None,
    data: DataOption = None,
) -> None:
    """Write made-up submissions as NDJSON, each a valid body of POST /v1/diagnoses.

    Ages, diagnoses and settlements follow the country's statistics; names, phones and IINs belong to nobody.
    Without --today the lines are the same on every day and stay valid for years; with it some newborns have no IIN.

    Example: joldama demo-children --count 200 --seed 7 > children.ndjson
    """
    from services.cli.demo_children import write_demo_children  # imports pydantic, which help does not need

    write_demo_children(sys.stdout, count, seed, data or data_folder(), today.date() if today else None)
