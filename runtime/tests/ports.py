"""Ports on loopback."""

from firstlight.testing.ports import free_port, refusing_port

__all__ = ["free_port", "refusing_port"]
