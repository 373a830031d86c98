"""Messages that a consumer could not take: kept, shown, retried."""
