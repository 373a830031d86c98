"""Moves notes that an earlier release left in the clear: `python -m services.intake.entrypoints.move_notes`.

Once after the migrations of both, with intake's settings and JOLDAMA_REFERRAL_SQL_URL.
"""

import asyncio
import sys
from contextlib import suppress

from services.intake.adapters.old_notes import OldNotes
from services.intake.bootstrap import bootstrap
from services.intake.settings import IntakeSettings
from services.kit.errors import TransientError
from services.kit.settings import SecretUrl
from services.kit.sql.database import Database


class MovingSettings(IntakeSettings):
    referral_sql_url: SecretUrl


async def move(settings: MovingSettings) -> int:
    """How many were moved or deleted."""
    referral = Database(settings.referral_sql_url, pool_size=1)
    try:
        async with bootstrap(settings) as intake:
            moving, moved = OldNotes(intake.database, intake.keys, referral), 0
            while some := await moving.move():
                moved += some
        if referral.is_sqlite:
            with suppress(TransientError):  # its log ends with a later write
                await referral.scrub("history")
        return moved
    finally:
        await referral.close()


if __name__ == "__main__":
    sys.stdout.write(f"notes: {asyncio.run(move(MovingSettings()))} moved\n")
