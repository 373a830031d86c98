"""Two kinds of failure, told apart by what to do about them."""


class PermanentError(Exception):
    """Trying again will not help: a dead letter, or a 4xx. The message is the reason, without personal data."""


class TransientError(Exception):
    """Trying again may help: a retry with backoff, or a 503."""


class Conflict(TransientError):
    """Two transactions met on one row; the loser runs again on the new state."""
