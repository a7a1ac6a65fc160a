"""Structured logs: one pipeline, one sink, and what must not leave the process."""
