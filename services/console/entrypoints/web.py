"""The console's pages: `python -m services.console.entrypoints.web`."""

import pkgutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.console import pages
from services.console.assets import served
from services.console.bootstrap import bootstrap
from services.console.errors import answer_fault, install_error_pages
from services.console.rendering import make_renderer
from services.console.settings import ConsoleSettings
from services.console.sign_in import routes
from services.console.sign_in.admission import admit
from services.kit import tracing
from services.kit.http.app import Apps, create_apps
from services.kit.http.health import Health
from services.kit.http.limits import limiting
from services.kit.http.server import serve
from services.kit.logging import configure_logging

LARGEST_FORM = 1024 * 1024
"""Bytes of a post, unless a page's router sets another limit."""


def create_console(settings: ConsoleSettings) -> Apps:
    """The applications; what they need is opened at the start."""
    health = Health()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with bootstrap(settings) as console, limiting(settings) as app.state.limits:
            app.state.console = console
            app.state.renderer = make_renderer(
                settings.assets, settings.data, form_targets(settings), secure=settings.https
            )
            health.checks["sessions"] = console.check_sessions
            yield

    guarded = APIRouter(dependencies=[Depends(admit)], include_in_schema=False, max_body_size=LARGEST_FORM)
    for router in (routes.router, *page_routers()):
        guarded.include_router(router)
    guarded.add_api_route("/{path:path}", no_page, methods=["GET"])
    apps = create_apps(
        "console", health, lifespan, public=(served.router, routes.from_provider, guarded), fault=answer_fault
    )
    for app in apps.both:
        install_error_pages(app)
    return apps


def form_targets(settings: ConsoleSettings) -> tuple[str, ...]:
    """The provider's origin, to which the sign-out leads."""
    parts = urlsplit(settings.issuer)
    return (f"{parts.scheme}://{parts.netloc}",) if settings.sign_in_client_id else ()


async def no_page() -> Response:
    """Any other address, so that its error page knows who is signed in."""
    raise HTTPException(404)


def page_routers() -> Iterator[APIRouter]:
    """The `router` of each module of `pages`."""
    for module in pkgutil.iter_modules(pages.__path__, f"{pages.__name__}."):
        found = getattr(import_module(module.name), "router", None)
        if found is not None:
            yield found


def main() -> None:
    settings = ConsoleSettings()
    configure_logging("console", settings.log_level)
    tracing.set_up("console", settings.otlp_endpoint, settings.traces_share)
    apps = create_console(settings)

    def end_live_pages() -> None:
        if console := getattr(apps.inside.state, "console", None):
            console.hub.close()

    serve(apps, settings, before_stop=end_live_pages)


if __name__ == "__main__":
    main()
