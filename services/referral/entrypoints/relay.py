"""Brings the referral service's outbox to Kafka: `python -m services.referral.entrypoints.relay`."""

from services.kit.kafka.outbox_store import OutboxStore
from services.kit.kafka.relay_process import RelayProcess
from services.kit.logging import configure_logging
from services.kit.loops import run
from services.kit.sql.database import Database
from services.kit.sql.lease import Lease
from services.kit.sql.readiness import check_writable
from services.referral.adapters.history import HISTORY
from services.referral.adapters.tables import leases, outbox
from services.referral.settings import ReferralSettings


async def serve(settings: ReferralSettings) -> None:
    database = Database(settings.referral_sql_url, pool_size=2)
    store = OutboxStore(database, outbox, Lease(database, leases, "outbox"))
    process = RelayProcess(
        settings,
        "referral-relay",
        store,
        database=lambda: check_writable(database),
        migrated=lambda: HISTORY.check(database),
    )
    try:
        await process.serve()
    finally:
        await database.close()


def main() -> None:
    settings = ReferralSettings()
    configure_logging("referral-relay", settings.log_level)
    run(serve(settings))


if __name__ == "__main__":
    main()
