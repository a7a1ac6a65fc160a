"""Run the service: `python -m <package>`. Exit status 0 after a drain, 2 for a bad setting, 3 for a failed start."""

import signal
import sys

from .settings import IDENTITY, Settings, SettingsError, load

BAD_SETTING = 2
SWITCH_SECONDS = 0.001  # how long a scrape or an export may hold the interpreter while a request waits


def main() -> int:
    """Serve until told to stop."""
    sys.setswitchinterval(SWITCH_SECONDS)
    signal.signal(signal.SIGTERM, _leave)  # until the server takes it; a container's first process would ignore it
    try:
        settings = load(Settings)
        from .server import serve  # noqa: PLC0415 - after the settings: OpenTelemetry reads some of them at import

        serve(settings)
    except SettingsError as error:
        print(f"{IDENTITY['name']}: {error}", file=sys.stderr)  # noqa: T201 - logging is not configured yet
        return BAD_SETTING
    return 0


def _leave(*_: object) -> None:
    """Nothing has been opened yet."""
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
