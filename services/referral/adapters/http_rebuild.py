"""Rebuilding and reading all of capacity over its HTTP API."""

from collections.abc import Sequence
from uuid import UUID

from services.contracts.claims import DataVersion, ProgrammeCapacity
from services.contracts.rebuild import (
    ClaimsPage,
    ClaimsToRestore,
    ClaimsWanted,
    Generation,
    NewGeneration,
    Opened,
    ProgrammesToRestore,
    Restored,
    RestoredClaim,
)
from services.referral.adapters.http_capacity import HttpClaims, read


class HttpCapacity(HttpClaims):
    """All of capacity: claims, the steward's CapacityRebuild, and the audit's Books."""

    async def generation(self, seen: DataVersion | None) -> Generation:
        query: dict[str, str | int] = {"epoch": seen.epoch, "sequence": seen.sequence} if seen else {}
        return read(Generation, await self._send("GET", "/v1/rebuild", "", params=query))

    async def begin(self, epoch: str) -> None:
        await self._send("POST", "/v1/rebuild", NewGeneration(epoch=epoch).model_dump_json())

    async def restore_programmes(self, epoch: str, programmes: Sequence[ProgrammeCapacity]) -> None:
        body = ProgrammesToRestore(epoch=epoch, programmes=tuple(programmes))
        await self._send("PUT", "/v1/rebuild/programmes", body.model_dump_json())

    async def restore_claims(self, epoch: str, claims: Sequence[RestoredClaim]) -> Sequence[UUID]:
        body = ClaimsToRestore(epoch=epoch, claims=tuple(claims))
        return read(Restored, await self._send("PUT", "/v1/rebuild/claims", body.model_dump_json())).refused

    async def open(self, epoch: str) -> Opened:
        body = NewGeneration(epoch=epoch).model_dump_json()
        return read(Opened, await self._send("POST", "/v1/rebuild/open", body))

    async def claims_page(self, cursor: str | None) -> ClaimsPage:
        query: dict[str, str | int] = {"cursor": cursor} if cursor else {}
        return read(ClaimsPage, await self._send("GET", "/v1/claims", "", params=query))

    async def look_at_claims(self, referral_ids: Sequence[UUID]) -> ClaimsPage:
        body = ClaimsWanted(referral_ids=tuple(referral_ids)).model_dump_json()
        return read(ClaimsPage, await self._send("POST", "/v1/claims/look", body))
