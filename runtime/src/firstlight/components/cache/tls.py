"""TLS to a Redis server: REDIS_TLS and REDIS_TLS_CA_FILE."""

from pathlib import Path

from ...data_servers import Mode, Tls, Words

WORDS = Words("Redis server", "REDIS_TLS", "REDIS_TLS_CA_FILE")


def tls(given: Mode, ca_file: Path | None) -> Tls:
    """The TLS of connections. Raises `SettingsError` if the file has no certificates."""
    return Tls(given, ca_file, WORDS)
