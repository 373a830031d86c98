"""`python -m services.intake.entrypoints.migrate`: bring the database to the newest tables."""

import sys

from services.intake.adapters.history import HISTORY
from services.intake.settings import IntakeSettings


def main() -> None:
    sys.stdout.write(f"intake: {HISTORY.migrate(IntakeSettings().intake_sql_url)}\n")


if __name__ == "__main__":
    main()
