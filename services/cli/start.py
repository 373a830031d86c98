"""`joldama up`: the whole network on this machine, until Ctrl-C."""

from typing import Annotated

import typer


def up(
    children: Annotated[int, typer.Option("--children", min=0, help="Demo children to route at the start.")] = 200,
) -> None:
    """Start the whole network on this machine: Kafka, Valkey and all services, on loopback. Ctrl-C stops it.

    Its state lies in JOLDAMA_HOME (.joldama here), so that two networks run side by side, and survives a stop.

    Example: JOLDAMA_HOME=second joldama up --children 50
    """
    from services.cli.up.serve import run

    raise typer.Exit(run(children=children))
