"""A database is ready only while it takes writes."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from sqlalchemy import make_url

from services.intake.adapters.history import HISTORY
from services.kit.errors import TransientError
from services.kit.sql.database import Database
from services.kit.sql.migrations import History
from services.kit.sql.readiness import check_writable

FULL = """
import asyncio, resource, sys
from services.kit.sql.database import Database
from services.kit.sql.readiness import check_writable
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
asyncio.run(check_writable(Database(sys.argv[1])))
"""


@pytest.fixture
def url(migrated_database: Callable[[str, History], str]) -> str:
    return migrated_database("intake", HISTORY)


async def test_a_database_that_takes_writes_is_ready_again_and_again(url: str) -> None:
    database = Database(url)
    for _ in range(3):
        await check_writable(database)
    await database.close()


async def test_a_read_only_database_is_not_ready_and_says_why(url: str) -> None:
    if url.startswith("sqlite"):
        read_only = f"sqlite:///file:{make_url(url).database}?mode=ro&uri=true"
    else:
        read_only = url + ("&" if "?" in url else "?") + "options=-c%20default_transaction_read_only%3Don"
    database = Database(read_only)
    with pytest.raises(TransientError, match=r"read-?only"):
        await check_writable(database)
    await database.close()


def test_a_database_on_a_full_disk_is_not_ready(url: str) -> None:
    if not url.startswith("sqlite"):
        pytest.skip("a server's disk cannot be filled by its client: the SQLite run shows the check")
    done = subprocess.run([sys.executable, "-c", FULL, url], capture_output=True, text=True)
    assert done.returncode == 1
    assert "TransientError: database: d" in done.stderr  # disk I/O error, or database or disk is full


async def test_a_database_that_is_away_is_not_ready() -> None:
    missing = Database("postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=2")
    with pytest.raises(TransientError, match="database: "):
        await check_writable(missing)
    await missing.close()
