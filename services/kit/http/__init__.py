"""Serving HTTP: the application, tokens, probes, problem documents, pages."""
