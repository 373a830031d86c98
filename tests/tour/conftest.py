"""One network for the whole tour: each step goes on where the one before has ended."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.tour.network import Network, open_network


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory, valkey: str) -> AsyncIterator[Network]:
    async with open_network(tmp_path_factory.mktemp("tour"), valkey, f"tour{uuid4().hex[:8]}") as network:
        yield network
