"""Structured logs: one pipeline, one sink, and redaction."""
