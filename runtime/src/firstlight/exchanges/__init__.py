"""Outgoing HTTP exchanges of the telemetry itself, with limits on total time and on the size of the response."""
