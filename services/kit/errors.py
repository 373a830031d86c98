"""Errors by what to do about them: permanent ones are refused, transient ones retried."""


class PermanentError(Exception):
    """Trying again will not help: a dead letter, or a 4xx. The message is the reason, without personal data."""


class TransientError(Exception):
    """Trying again may help: a retry with backoff, or a 503."""


class Conflict(TransientError):
    """Two transactions changed one row; the loser runs again on the new state."""


class LeaseLost(TransientError):
    """Another process has the lease now: work that was done under it must not be recorded."""


class Early(TransientError):
    """A message whose precondition is not met yet: it is parked, and the rest of its batch goes on."""


def reason_of(error: BaseException) -> str:
    """An error in a line of a log: its message, or the name of its class."""
    return str(error)[:300] or type(error).__name__
