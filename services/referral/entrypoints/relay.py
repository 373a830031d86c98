"""Brings the referral service's outbox to Kafka: `python -m services.referral.entrypoints.relay`."""

import asyncio

from services.kit.kafka.relay_process import relay_outbox
from services.kit.logging import configure_logging
from services.kit.sql.database import Database
from services.referral.adapters.history import HISTORY
from services.referral.adapters.tables import outbox
from services.referral.settings import ReferralSettings


def main() -> None:
    settings = ReferralSettings()
    configure_logging("referral-relay", settings.log_level)
    database = Database(settings.referral_sql_url, pool_size=2)
    asyncio.run(relay_outbox(settings, database, outbox, HISTORY, "referral-relay"))


if __name__ == "__main__":
    main()
