"""Technical helpers without a domain word in them, shared by every service."""
