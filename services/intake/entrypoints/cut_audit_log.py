"""Cuts old entries off the audit log, as its owner: `python -m services.intake.entrypoints.cut_audit_log`."""

from services.intake.adapters.tables import audit_log
from services.intake.settings import IntakeSettings
from services.kit.sql.audit_cut import main

if __name__ == "__main__":
    settings = IntakeSettings()
    main("intake", settings, settings.intake_sql_url, audit_log)
