"""Dead letters, the messages that a consumer could not process: stored, listed, retried."""
