"""The metrics of the referral service. docs/operations.md lists all metrics; a test compares."""

from prometheus_client import Counter, Gauge

worker_events = Counter("joldama_worker_events_total", "Events processed", ["topic"])
deadline_steps = Counter("joldama_deadline_steps_total", "Reminders, expiries, escalations and reviews", ["command"])
sweep_failed = Counter("joldama_sweep_failed_total", "Due referrals whose deadline step failed")
sweep_last = Gauge("joldama_sweep_last_timestamp_seconds", "When the last sweep of all deadlines ended")
escalated = Gauge("joldama_referrals_escalated", "Referrals on the operators' worklist", ["reason"])
without_deadline = Gauge("joldama_referrals_without_deadline", "Open referrals without an owner or a deadline")
audits = Counter("joldama_audits_total", "Audits by outcome", ["outcome"])
audit_differences = Gauge("joldama_audit_differences", "Differences between record and capacity at the last audit")
audit_unsettled = Gauge(
    "joldama_audit_unsettled", "Differences of the last audit that may still have been on their way"
)
audit_last = Gauge("joldama_audit_last_timestamp_seconds", "When this worker's last audit ended")
capacity_rebuilt = Counter("joldama_capacity_rebuilt_total", "Times capacity was rebuilt from the record")
capacity_rebuilding = Gauge("joldama_capacity_rebuilding", "Whether capacity is without its data: 1, or 0")
