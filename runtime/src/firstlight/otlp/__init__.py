"""Export by OTLP over HTTP: what traces, logs and metrics share, and the exports of logs and metrics.

The exports of logs and metrics are imported only where their standard variables switch them on.
"""
