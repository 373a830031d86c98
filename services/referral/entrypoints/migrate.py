"""`python -m services.referral.entrypoints.migrate`: bring the database to the newest tables."""

import sys

from services.referral.adapters.history import HISTORY
from services.referral.settings import ReferralSettings


def main() -> None:
    sys.stdout.write(f"referral: {HISTORY.migrate(ReferralSettings().referral_sql_url)}\n")


if __name__ == "__main__":
    main()
