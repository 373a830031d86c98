"""Brings intake's outbox to Kafka: `python -m services.intake.entrypoints.relay`."""

from datetime import UTC, datetime

from services.intake.adapters.history import HISTORY
from services.intake.adapters.sql_answers import SqlAnswers
from services.intake.adapters.sql_transfers import count_overdue
from services.intake.adapters.tables import audit_log, leases, outbox
from services.intake.metrics import transfers_overdue
from services.intake.settings import IntakeSettings
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

TRIM_EVERY, COUNT_EVERY = 3600.0, 60.0
"""Seconds."""


def relay_process(settings: IntakeSettings, database: Database) -> RelayProcess:
    trimming = run_periodically("trim", SqlAnswers(database).trim, TRIM_EVERY)
    store = OutboxStore(database, outbox, Lease(database, leases, "outbox"))
    heads = HeadExporter(database, AuditLog(audit_log, Chain(settings.audit_keys)), settings.audit_head_file)
    exporting = run_periodically("audit.head", heads.export, settings.audit_head_every)

    async def count() -> None:
        transfers_overdue.set(await count_overdue(database, datetime.now(UTC)))

    counting = run_periodically("transfers", count, COUNT_EVERY)
    return RelayProcess(
        settings, "intake-relay", store, (trimming, exporting, counting), database=lambda: check_writable(database),
        migrated=lambda: HISTORY.check(database), audit_log=heads.check,
    )  # fmt: skip


async def serve(settings: IntakeSettings) -> None:
    database = Database(settings.intake_sql_url, pool_size=4)
    try:
        await relay_process(settings, database).serve()
    finally:
        await database.close()


def main() -> None:
    settings = IntakeSettings()
    configure_logging("intake-relay", settings.log_level)
    tracing.set_up("intake-relay", settings.otlp_endpoint, settings.traces_share)
    run(serve(settings))


if __name__ == "__main__":
    main()
