"""Upgrades the referral database to the newest tables: `python -m services.referral.entrypoints.migrate`."""

import sys

from services.referral.adapters.history import HISTORY
from services.referral.settings import ReferralSettings

if __name__ == "__main__":
    sys.stdout.write(f"referral: {HISTORY.migrate(ReferralSettings().referral_sql_url)}\n")
