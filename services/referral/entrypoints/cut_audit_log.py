"""Cuts old entries off the audit log, as its owner: `python -m services.referral.entrypoints.cut_audit_log`."""

from services.kit.sql.audit_cut import main
from services.referral.adapters.tables import audit_log
from services.referral.settings import ReferralSettings

if __name__ == "__main__":
    settings = ReferralSettings()
    main("referral", settings, settings.referral_sql_url, audit_log)
