"""Writes routes of teams for Alertmanager, and exceptions from alerts for Prometheus, from the platform's own data."""
