"""Figures were set: capacity applies the newest of each programme, and hands over the places that come free."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.contracts.events import FigureSetV1, Payload
from services.referral.handlers.effect import NOTHING, Effect
from services.referral.ports import BatchContext, Claims, Registry


@dataclass(frozen=True)
class ApplyFigures:
    """The registry is read, and not the event: of two figures the newer one is applied, in whatever order they come."""

    registry: Registry
    claims: Claims

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        programmes = {data.programme_id for data in batch.values() if isinstance(data, FigureSetV1)}
        for opening in await self.registry.openings(programme_ids=programmes):
            await self.claims.open_programme(opening.model_copy(update={"seen": context.data_version}))
        return NOTHING
