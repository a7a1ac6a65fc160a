"""Error reports to Sentry."""
