"""Logs, metrics, traces and error reports of the data plane, each in a module of its own."""
