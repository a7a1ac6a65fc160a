"""The command line of a service: `python -m <package> [process or command] [arguments]`.

Exit status 0 after a drain, 1 when a command or process failed, 2 for a bad setting or command line, 3 for a failed
start.
"""

# Only what is needed to hear a signal is imported here: a container's first process ignores SIGTERM until it has a
# handler, and the rest takes half a second.
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .development import handover

if TYPE_CHECKING:
    from .service import Service

FAILED = 1
BAD_USE = 2
SETTINGS = "settings"  # the command that every service has
SWITCH_SECONDS = 0.001  # how long a scrape or an export may hold the interpreter while a request waits


def main(service: "Service | str", arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop, or run what the arguments name. Returns the exit status.

    `service` is the service, or the module that holds it as `SERVICE`: then SIGTERM is heard while that is imported,
    and a service that does not fit together ends with one sentence.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    signal.signal(signal.SIGTERM, _leave)
    try:
        service = _imported(service) if isinstance(service, str) else service
        return _chosen(service, sys.argv[1:] if arguments is None else arguments)()
    except Exception as error:
        if not _is_ours(error):
            if not handover.is_supervised():
                raise
            _show(error)
            return FAILED
        name = service.partition(".")[0] if isinstance(service, str) else service.identity.name
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 - logging is not configured yet
        return BAD_USE


def _leave(*_: object) -> None:
    """Nothing has been opened yet."""
    sys.exit(0)


def _imported(module: str) -> "Service":
    from importlib import import_module  # noqa: PLC0415 - see above

    service: Service = import_module(module).SERVICE
    return service


def _chosen(service: "Service", arguments: Sequence[str]) -> Callable[[], int]:
    from . import arrangement  # noqa: PLC0415 - see above
    from .errors import ArrangementError  # noqa: PLC0415
    from .identity import WEB  # noqa: PLC0415

    name, *rest = arguments or (WEB,)
    if name == SETTINGS and not rest:
        return lambda: _settings(service)
    arrangement.verify(service)
    processes = {name: process for c in service.components for name, process in c.processes.items()}
    commands = {name: command for c in service.components for name, command in c.commands.items()}
    if name in commands:
        return lambda: _command(service, name, rest)
    if name in {WEB, *processes} and not rest:
        return lambda: _process(service, name, processes)
    summaries = {word: each.summary for word, each in processes.items()}
    summaries |= {word: each.summary for word, each in commands.items()}
    known = "\n".join(f"  {word:<12} {summary}" for word, summary in summaries.items())
    known = f"  {WEB:<12} Serve requests\n  {SETTINGS:<12} Print every setting with its source\n{known}"
    msg = f"there is no process or command {' '.join(arguments)!r}; there is:\n{known}"
    raise ArrangementError(msg.rstrip())


def _process(service: "Service", name: str, processes: dict[str, Any]) -> int:
    from .identity import WEB  # noqa: PLC0415
    from .settings import load_for  # noqa: PLC0415 - see above

    settings = load_for(service.settings, service.identity, service.management_ports[name])
    if name != WEB:
        from .server import process  # noqa: PLC0415 - after the settings: OpenTelemetry reads some of them at import

        return process.run(settings, service, name, processes[name])
    from .server.server import serve  # noqa: PLC0415

    serve(settings, service)
    return 0


def _command(service: "Service", name: str, arguments: Sequence[str]) -> int:
    from .identity import WEB  # noqa: PLC0415
    from .server import command  # noqa: PLC0415 - see above
    from .settings import load_for  # noqa: PLC0415

    settings = load_for(service.settings, service.identity, service.management_ports[WEB])
    return command.run(settings, service, name, arguments)


def _settings(service: "Service") -> int:
    from . import settings_table  # noqa: PLC0415 - see above

    return settings_table.show(service)


def _show(error: Exception) -> None:
    """What the page raised, for the person who has just edited it."""
    from .logs import frames  # noqa: PLC0415 - see above
    from .terminal import paint_for  # noqa: PLC0415

    lines = frames.folded("".join(traceback.format_exception(error)), paint_for(sys.stderr))
    print("\n".join(lines), file=sys.stderr)  # noqa: T201 - as above


def _is_ours(error: Exception) -> bool:
    from .errors import ArrangementError, SettingsError  # noqa: PLC0415 - see above

    return isinstance(error, ArrangementError | SettingsError)
