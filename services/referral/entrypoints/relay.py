"""Brings the referral service's outbox to Kafka: `python -m services.referral.entrypoints.relay`."""

from services.kit import tracing
from services.kit.kafka.outbox_store import OutboxStore
from services.kit.kafka.relay_process import RelayProcess
from services.kit.logging import configure_logging
from services.kit.loops import run, run_periodically
from services.kit.sql.audit_heads import HeadExporter
from services.kit.sql.audit_log import AuditLog, Chain
from services.kit.sql.database import Database
from services.kit.sql.lease import Lease
from services.kit.sql.readiness import check_writable
from services.referral.adapters.history import HISTORY
from services.referral.adapters.tables import audit_log, leases, outbox
from services.referral.settings import ReferralSettings


async def serve(settings: ReferralSettings) -> None:
    database = Database(settings.referral_sql_url, pool_size=2)
    store = OutboxStore(database, outbox, Lease(database, leases, "outbox"))
    heads = HeadExporter(database, AuditLog(audit_log, Chain(settings.audit_keys)), settings.audit_head_file)
    process = RelayProcess(
        settings,
        "referral-relay",
        store,
        (run_periodically("audit.head", heads.export, settings.audit_head_every),),
        audit_log=heads.check,
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
    tracing.set_up("referral-relay", settings.otlp_endpoint, settings.traces_share)
    run(serve(settings))


if __name__ == "__main__":
    main()
