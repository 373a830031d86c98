"""A span for each request, by its route. The paths of probes have none."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit import tracing

PROBES = frozenset({"/livez", "/readyz", "/metrics"})


class Traced:
    """ASGI middleware. With `continues` the caller's `traceparent` is: a stranger's would choose what is kept."""

    def __init__(self, app: ASGIApp, continues: bool) -> None:
        self._app, self._continues = app, continues

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            return await self._app(scope, receive, send)
        given = dict(scope["headers"]).get(tracing.HEADER.encode(), b"") if self._continues else b""
        work = tracing.Work(scope["method"], parent=given.decode("latin-1"))
        with tracing.span("SERVER", work) as span:

            async def observed_send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.attributes["http.response.status_code"] = message["status"]
                await send(message)

            try:
                await self._app(scope, receive, observed_send)
            finally:
                route = getattr(scope.get("route"), "path", "unmatched")
                span.name = f"{scope['method']} {route}"
                span.attributes |= {"http.request.method": scope["method"], "http.route": route}
