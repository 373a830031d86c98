"""Brings intake's outbox to Kafka: `python -m services.intake.entrypoints.relay`."""

from services.intake.adapters.history import HISTORY
from services.intake.adapters.tables import leases, outbox
from services.intake.bootstrap import Intake, bootstrap
from services.intake.metrics import transfers_overdue
from services.intake.settings import IntakeSettings
from services.kit import tracing
from services.kit.kafka.outbox_store import OutboxStore
from services.kit.kafka.relay_process import RelayProcess
from services.kit.logging import configure_logging
from services.kit.loops import run, run_periodically
from services.kit.sql.audit_heads import HeadExporter
from services.kit.sql.lease import Lease
from services.kit.sql.readiness import check_writable

TRIM_EVERY, COUNT_EVERY = 3600.0, 60.0
"""Seconds."""


def relay_process(settings: IntakeSettings, intake: Intake) -> RelayProcess:
    database = intake.database
    trimming = run_periodically("trim", intake.answers.trim, TRIM_EVERY)
    store = OutboxStore(database, outbox, Lease(database, leases, "outbox"))
    heads = HeadExporter(database, intake.audit_trail.log, settings.audit_head_file)
    exporting = run_periodically("audit.head", heads.export, settings.audit_head_every)

    async def count() -> None:
        transfers_overdue.set(await intake.transferring.overdue())

    counting = run_periodically("transfers", count, COUNT_EVERY)
    return RelayProcess(
        settings, "intake-relay", store, (trimming, exporting, counting), database=lambda: check_writable(database),
        migrated=lambda: HISTORY.check(database), audit_log=heads.check,
    )  # fmt: skip


async def serve(settings: IntakeSettings) -> None:
    async with bootstrap(settings) as intake:
        await relay_process(settings, intake).serve()


def main() -> None:
    settings = IntakeSettings()
    configure_logging("intake-relay", settings.log_level)
    tracing.set_up("intake-relay", settings.otlp_endpoint, settings.traces_share)
    run(serve(settings))


if __name__ == "__main__":
    main()
