"""OpenTelemetry traces: propagation, sampling, a queue with limits, export."""
