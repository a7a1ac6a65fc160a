"""The command line of a service: `python -m <package> [process or command] [arguments]`.

Exit status: 0 after a complete drain, 1 when a command or process failed, 2 for a bad setting or command line, 3 for a
failed start, 130 for Ctrl-C before the drain is possible, 143 for SIGTERM before a command has run.
"""

# Import only what the handler of SIGTERM needs: process 1 of a container ignores SIGTERM until it has a handler, and
# the other imports take half a second.
import atexit
import signal
import sys

from .early_stop import EarlyStop
from .exit_status import BAD_USE, FAILED, INTERRUPTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .component import Process
    from .server.watchdog import Watchdog
    from .service import Service

_HELP = ("-h", "--help")
SETTINGS = "settings"  # the command that every service has
SWITCH_SECONDS = 0.001  # a scrape or an export gives the interpreter up after this time, so that a request can run


def main(service: "Service | str", arguments: "Sequence[str] | None" = None) -> int:
    """Serve requests, or run the process or command that the arguments name. Returns the exit status.

    `service` is a `Service`, or the name of the module that holds it as `SERVICE`. With the name, SIGTERM also works
    during the import of that module, and an `ArrangementError` raised by it is printed as one sentence. `arguments` are
    those of the command line where they are not given. Bad settings and bad arguments are printed, not raised.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    early = EarlyStop(arguments)
    signal.signal(signal.SIGTERM, early)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # the image starts the process with SIGTERM blocked
    atexit.register(early.end)
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        _load_opentelemetry()
        service = _imported(service) if isinstance(service, str) else service
        run = _chosen(service, arguments, early)
        early.obey()
        return run()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        early.obey()  # Python 3.11 wraps the `SystemExit` of the handler in some errors
        if not _is_ours(error):
            if not _is_shown(error):
                raise
            return FAILED
        name = service.partition(".")[0] if isinstance(service, str) else service.identity.name
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 - logging is not configured yet
        return BAD_USE


def _load_opentelemetry() -> None:
    from .traces import sdk  # noqa: PLC0415 - see above

    sdk.load()


def _imported(module: str) -> "Service":
    from importlib import import_module  # noqa: PLC0415 - see above

    from .traces.sdk import without_providers  # noqa: PLC0415

    with without_providers():
        service: Service = import_module(module).SERVICE
    return service


def _chosen(service: "Service", arguments: "Sequence[str]", early: EarlyStop) -> "Callable[[], int]":
    from . import arrangement  # noqa: PLC0415 - see above
    from .errors import ArrangementError  # noqa: PLC0415
    from .identity import WEB  # noqa: PLC0415

    name, *rest = arguments or (WEB,)
    if name == SETTINGS and not rest:
        return lambda: _settings(service)
    if name not in _HELP:
        arrangement.verify(service)
    processes = {name: process for c in service.components for name, process in c.processes.items()}
    commands = {name: command for c in service.components for name, command in c.commands.items()}
    if name in commands:
        early.status = 1
        return lambda: _command(service, name, rest, early)
    if name in {WEB, *processes} and not rest:
        early.status = 0
        return lambda: _process(service, name, processes, early)
    summaries = {word: each.summary for word, each in processes.items()}
    summaries |= {word: each.summary for word, each in commands.items()}
    known = "\n".join(f"  {word:<12} {summary}" for word, summary in summaries.items())
    known = f"  {WEB:<12} Serve requests\n  {SETTINGS:<12} Print every setting with its source\n{known}"
    if name in _HELP:
        return lambda: _help(service, known)
    msg = f"there is no process or command {' '.join(arguments)!r}; choose one of:\n{known}"
    raise ArrangementError(msg.rstrip())


def _process(service: "Service", name: str, processes: "Mapping[str, Process]", early: EarlyStop) -> int:
    from .identity import WEB  # noqa: PLC0415
    from .settings import load_for  # noqa: PLC0415 - see above

    settings = load_for(service.settings, service.identity, service.management_ports[name])
    if name != WEB:
        from .server import process  # noqa: PLC0415 - after the settings: OpenTelemetry reads some of them at import

        return process.run(settings, service, name, processes[name], _watchdog(early))
    settings.verify_ports()
    from .server.server import serve  # noqa: PLC0415

    return serve(settings, service, _watchdog(early))


def _command(service: "Service", name: str, arguments: "Sequence[str]", early: EarlyStop) -> int:
    from .identity import WEB  # noqa: PLC0415
    from .server import command  # noqa: PLC0415 - see above
    from .settings import load_for  # noqa: PLC0415

    settings = load_for(service.settings, service.identity, service.management_ports[WEB])
    return command.run(settings, service, name, arguments, _watchdog(early))


def _watchdog(early: EarlyStop) -> "Watchdog":
    from .server import ending  # noqa: PLC0415 - see above
    from .server.watchdog import Watchdog  # noqa: PLC0415

    early.obey()  # after the imports that the chosen process or command needs
    watchdog = Watchdog()
    early.last = lambda: ending.last(watchdog)
    return watchdog


def _help(service: "Service", known: str) -> int:
    from .standard_output import standard_output  # noqa: PLC0415 - see above

    with standard_output() as output:
        output.write(f"python -m {service.identity.name.replace('-', '_')} [process or command] [arguments]\n\n")
        output.write(f"{known.rstrip()}\n\nWithout a name it serves requests.\n")
    return 0


def _settings(service: "Service") -> int:
    from . import settings_table  # noqa: PLC0415 - see above

    return settings_table.show(service)


def _is_shown(error: Exception) -> bool:
    """In development, print the traceback of what service.py raised. Returns false elsewhere."""
    from .development import handover  # noqa: PLC0415 - see above

    if not handover.is_supervised():
        return False
    import traceback  # noqa: PLC0415

    from .logs import frames  # noqa: PLC0415
    from .terminal import paint_for  # noqa: PLC0415

    lines = frames.folded("".join(traceback.format_exception(error)), paint_for(sys.stderr))
    print("\n".join(lines), file=sys.stderr)  # noqa: T201 - logging may not be configured
    return True


def _is_ours(error: Exception) -> bool:
    from .errors import ArrangementError, SettingsError  # noqa: PLC0415 - see above

    return isinstance(error, ArrangementError | SettingsError)
