"""As whom a command calls: a given token, or on a local network one made for the role that the command needs."""

from dataclasses import dataclass

from services.cli.failures import ExitCode, Failure
from services.cli.network import Network, home
from services.contracts.vocabulary import Role

LOCAL_POLYCLINIC = "demo-polyclinic"
"""As whom `joldama submit` acts on a local network, unless told."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What `--token`, `--as` and `--org` have said."""

    token: str | None = None
    role: Role | None = None
    org: str | None = None

    @property
    def chosen(self) -> bool:
        """Whether the user has said as whom to act; else the command may choose."""
        return bool(self.token or self.role)

    def bearer(self, network: Network, role: Role, org: str | None = None) -> str:
        """A token: the given one, else the local issuer's for the chosen role, else for `role` and `org`."""
        if self.token:
            return self.token
        if not network.local:
            raise Failure(ExitCode.NOT_ALLOWED, "A token is needed: --token or JOLDAMA_TOKEN.")
        if self.role:
            return local_token(self.role, self._own_org(role, org))
        return local_token(role, self.org or org)

    def _own_org(self, role: Role, org: str | None) -> str | None:
        """The organization of the chosen role; a center's or a polyclinic's token without one would see nothing."""
        known = self.org or (org if self.role is role else None)
        if self.role is Role.CENTER and not known:
            raise Failure(ExitCode.USAGE, "--as center needs --org: the center's id, as `joldama centers` lists it.")
        return known or (LOCAL_POLYCLINIC if self.role is Role.POLYCLINIC else None)


def local_token(role: Role, org: str | None) -> str:
    """A token of the local network's issuer; raises Failure where there is none."""
    from services.local.home import Home, NotRunning
    from services.local.issuer import issue_token

    try:
        return issue_token(Home(home()), [role.value], org or "")
    except NotRunning as error:
        raise Failure(ExitCode.NO_NETWORK, str(error)) from None
