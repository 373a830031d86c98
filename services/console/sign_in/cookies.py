"""The console's cookies: for this host only, never for scripts, and by https only where browsers come by it."""

from starlette.requests import Request
from starlette.responses import Response


class Cookie:
    """One cookie by its plain name; `__Host-` binds it to the host, which browsers allow by https only."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self, request: Request) -> str:
        return f"__Host-{self._name}" if _https(request) else self._name

    def read(self, request: Request) -> str:
        return request.cookies.get(self.name(request), "")

    def write(self, request: Request, response: Response, value: str, seconds: int | None = None) -> None:
        """Until the browser is closed, or for so long."""
        response.set_cookie(
            self.name(request), value, max_age=seconds, path="/", secure=_https(request), httponly=True, samesite="lax"
        )

    def drop(self, request: Request, response: Response) -> None:
        response.delete_cookie(self.name(request), path="/", secure=_https(request), httponly=True, samesite="lax")


def _https(request: Request) -> bool:
    """By the settings, for a proxy may speak http to us."""
    return bool(request.app.state.console.settings.https)


SESSION = Cookie("session")
KEPT_FORM = Cookie("kept")
SIGNING_IN = Cookie("signing-in")
