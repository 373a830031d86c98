"""Capacity's public API: figures of programmes as the user may see them, and queues."""

from services.console.upstream.client import Json, Page, Parameter, Services, Upstream


async def figures(services: Services, **filters: Parameter) -> Page:
    """`region`, `modality`, `free`, `cursor`, `limit`; `more` has `data_version` and `last_event_id`."""
    return await services.capacity.page("/v1/capacity", **filters)


async def every_figure(services: Services, **filters: Parameter) -> list[Json]:
    """The figures of all programmes, page by page."""
    found: list[Json] = []
    cursor: str | None = None
    while True:
        page = await figures(services, cursor=cursor, limit=1000, **filters)
        found += page.items
        cursor = page.next
        if not cursor:
            return found


async def queue(services: Services, programme_id: str, **filters: Parameter) -> Page:
    """Who waits for a programme, in order: `cursor`, `limit`."""
    return await services.capacity.page(f"/v1/queues/{programme_id}", **filters)


async def public_figures(upstream: Upstream, address: str) -> list[Json]:
    """Each programme as anybody may see it, without a token: `free` is `none`, `few` or `many`."""
    return (await upstream.as_nobody(address).capacity.page("/v1/public/capacity")).items
