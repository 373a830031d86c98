"""Options that several commands share."""

from typing import Annotated

import typer

from services.contracts.vocabulary import Role

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
TokenOption = Annotated[
    str | None, typer.Option("--token", envvar="JOLDAMA_TOKEN", help="Bearer token.", show_default=False)
]
AsOption = Annotated[
    Role | None, typer.Option("--as", help="On a local network: act in this role.", show_default="what is needed")
]
OrgOption = Annotated[
    str | None, typer.Option("--org", help="With --as: the polyclinic's or the center's id.", show_default=False)
]
