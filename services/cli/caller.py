"""The options that commands share: token, role and organization of a call, and output as JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType

from services.cli.failures import ExitCode, Failure
from services.cli.network import read_network
from services.cli.render import show
from services.cli.token import LOCAL_POLYCLINIC, local_token
from services.contracts.vocabulary import Role

if TYPE_CHECKING:
    from services.cli.client import Api

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of services: the user's token or role, or on a local network the role that a command needs."""

    json: JsonOption = False
    token: Annotated[str | None, typer.Option(envvar="JOLDAMA_TOKEN", help="Bearer token, or @FILE with it.")] = None
    role: Annotated[
        Role | None, typer.Option("--as", help="On a local network: act in this role.", show_default="what is needed")
    ] = None
    org: Annotated[str | None, typer.Option(help="With --as: the polyclinic's id, or the center's id or name.")] = None

    def api(self, service: str, role: Role = Role.OPERATOR, org: str | None = None, seconds: float = 30) -> "Api":
        """The API of `service`, as `role` of `org` unless the user has chosen others; an answer may take `seconds`."""
        from services.cli.client import Api  # httpx2 is slow to import, and no help needs it

        def bearer() -> str:
            return self._bearer(role, org)

        return Api(read_network().url(service), bearer(), seconds, bearer)

    def show(self, found: Any, draw: Callable[[Any], RenderableType]) -> None:
        show(found, draw, self.json)

    def _bearer(self, role: Role, org: str | None) -> str:
        if self.token:
            return _read_token(self.token[1:]) if self.token.startswith("@") else self.token
        if not read_network().local:
            raise Failure(ExitCode.NOT_ALLOWED, "A token is needed: --token or JOLDAMA_TOKEN.")
        own = self.org or (org if self.role in (None, role) else None)
        if self.role is Role.CENTER and not own:  # its token would show nothing
            raise Failure(ExitCode.USAGE, "--as center needs --org: the center's id, as `joldama centers` lists it.")
        if self.org and (self.role or role) is Role.CENTER:
            own = self._center(self.org)
        if self.role is Role.POLYCLINIC and not own:
            own = LOCAL_POLYCLINIC
        return local_token(self.role or role, own)

    def _center(self, text: str) -> str:
        from services.cli.client import Api
        from services.cli.names import own_center_id

        with Api(read_network().url("referral"), local_token(Role.OPERATOR, None)) as registry:
            return own_center_id(registry, text)


def _read_token(file: str) -> str:
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"--token @{file}: {error.strerror}.") from None
    except ValueError:
        raise Failure(ExitCode.USAGE, f"--token @{file}: the file has more than a token in it.") from None


def command(function: Callable[..., None], options: Mapping[str, Any] | None = None) -> Callable[..., None]:
    """A command: `function(caller, ...)` with the options of a Caller, except those that `function` declares itself.

    `options` are further ones: annotations by parameter, with None as the default.
    """
    own = [one for one in signature(function).parameters.values() if one.kind is not Parameter.VAR_KEYWORD][1:]
    for name, annotation in (options or {}).items():
        own.append(Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation))
    shared = {name: one for name, one in signature(Caller).parameters.items() if name not in {p.name for p in own}}

    @wraps(function)
    def run(**given: Any) -> None:
        caller = Caller(**{name: given.pop(name) for name in shared})
        function(caller, **given)

    parameters = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in (*own, *shared.values())]
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run
