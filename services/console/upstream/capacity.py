"""Capacity's public API: figures of programmes as the user may see them, and queues."""

from services.console.upstream.client import Json, Page, Parameter, Services


async def every_figure(services: Services) -> list[Json]:
    """The figures of all programmes."""
    return await services.capacity.every("/v1/capacity", limit=1000)


async def queue(services: Services, programme_id: str, **filters: Parameter) -> Page:
    """Who waits for a programme, in order: `cursor`, `limit`."""
    return await services.capacity.page(f"/v1/queues/{programme_id}", **filters)


async def public_figures(services: Services) -> list[Json]:
    """Each programme as anybody may see it: `free` is `none`, `few` or `many`."""
    return (await services.capacity.page("/v1/public/capacity")).items
