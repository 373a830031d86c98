"""Upgrades the intake database to the newest tables: `python -m services.intake.entrypoints.migrate`."""

import sys

from services.intake.adapters.history import HISTORY
from services.intake.settings import IntakeSettings

if __name__ == "__main__":
    sys.stdout.write(f"intake: {HISTORY.migrate(IntakeSettings().intake_sql_url)}\n")
