"""`joldama token`, and tokens of the local network's issuer."""

from typing import Annotated

import typer

from services.cli.failures import ExitCode, Failure, say
from services.cli.network import home
from services.contracts.vocabulary import Role

LOCAL_POLYCLINIC = "demo-polyclinic"
"""The polyclinic of `joldama submit` on a local network, by default."""


def local_token(role: Role, org: str | None) -> str:
    """A token of the local network's issuer. Raises Failure without a local network."""
    from services.local.home import Home, NotRunning  # POSIX only, and needed for a local network only
    from services.local.issuer import issue_token

    try:
        return issue_token(Home(home()), [role.value], org or "")
    except NotRunning as error:
        raise Failure(ExitCode.NO_NETWORK, str(error)) from None
    except OSError as error:
        raise Failure(
            ExitCode.NOT_ALLOWED,
            f"{error.filename}: {error.strerror}. Only who started this network has its keys; others need --token.",
        ) from None


def token(
    role: Annotated[Role, typer.Argument(metavar="ROLE", help=f"One of {', '.join(Role)}.")],
    org: Annotated[str | None, typer.Option(help="The polyclinic's or the center's id.")] = None,
) -> None:
    """Print a bearer token of the local network's issuer.

    A polyclinic or a center is named by its id (default: the demo polyclinic); the other roles have none.

    Example: curl -H "Authorization: Bearer $(joldama token operator)" http://127.0.0.1:8102/v1/referrals
    """
    if role is Role.CENTER and not org:
        example = "joldama token center --org almaty-cp-center"
        raise Failure(ExitCode.USAGE, f"Name the center by its id: {example} (`joldama centers` lists them).")
    if role is Role.POLYCLINIC and not org:
        org = LOCAL_POLYCLINIC
        say(f"joldama: a token of the polyclinic {org}; --org ID names another.")
    print(local_token(role, org))
