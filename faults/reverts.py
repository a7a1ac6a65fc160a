"""How each row is turned red: the mend that it proves, taken back in the service's copy of the library or by a setting.

`python -m faults --revert` applies one after the other and runs its row, which has to fail.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LIBRARY = Path("vendor/firstlight/src/firstlight")
FOR_EVER = "3600"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """One mend taken back."""

    rows: Sequence[str]
    what: str
    """Without it, in words: `no limit on the size of a head`."""
    edits: Sequence[tuple[str, str, str]] = ()
    """Module of the library, old text, new text."""
    settings: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def applied(revert: Revert, directory: Path) -> Iterator[None]:
    """Edit the library of a service for the length of a block. Raises `LookupError` where it has changed."""
    before: dict[Path, str] = {}
    try:
        for module, old, new in revert.edits:
            path = directory / LIBRARY / module
            text = path.read_text("utf-8")
            before.setdefault(path, text)
            if old not in text:
                msg = f"{module} does not hold {old!r}: `faults/reverts.py` has to follow it."
                raise LookupError(msg)
            _write(path, text.replace(old, new))
        yield
    finally:
        for path, text in before.items():
            _write(path, text)


def _write(path: Path, text: str) -> None:
    """Without what was compiled: it counts as fresh within a second."""
    path.write_text(text, "utf-8")
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


CONNECTIONS, MESSAGES, PROTOCOL = "server/connections.py", "server/messages.py", "server/protocol.py"
DATA_PLANE, OBSERVED, RECORDER = "requests/data_plane.py", "requests/observed_request.py", "requests/recorder.py"
WEBSOCKET, CLIENT = "requests/observed_websocket.py", "components/http_client"
HOOKS, TRACEBACKS = "server/hooks.py", "logs/tracebacks.py"
USER_AGENT = 'request.identified.user_agent.decode("latin-1")'
ALL_DESCRIPTORS = (CONNECTIONS, "if soft == resource.RLIM_INFINITY:", "if True:")
FRAMING = (MESSAGES, "elif self._framing > self._max_head:", "elif False:")

OF_TELEMETRY = (
    Revert(
        rows=("collector down",),
        what="user agents are not cut, and the queue of spans is limited in number only",
        edits=[
            (RECORDER, 'cut(request.identified.user_agent.decode("latin-1"), USER_AGENT_BYTES)', USER_AGENT),
            ("traces/queue.py", " or self._bytes + needed > self._max_bytes", ""),
            ("traces/provider.py", "stated.max_attribute_length = EVENT_CHARACTERS", "pass"),
        ],
    ),
    Revert(
        rows=("standard output stalled",),
        what="the queue of lines is limited in number only",
        edits=[("logs/sink.py", "self._held + size <= self._capacity_bytes and ", "")],
    ),
    Revert(
        rows=("large log field",),
        what="values are not cut",
        edits=[("logs/values.py", "cut(value, min(TEXT_BYTES, max(size.left, _SMALL)))", "value")],
    ),
    Revert(
        rows=("unknown keys",),
        what="every error of a body is listed",
        edits=[("problems.py", "LISTED_ERRORS = 20", "LISTED_ERRORS = 1_000_000")],
    ),
    Revert(
        rows=("dependency drips",),
        what="no limit on the total time of a call",
        edits=[(f"{CLIENT}/limits.py", "asyncio.timeout_at(deadline)", "asyncio.timeout_at(None)")],
    ),
    Revert(
        rows=("dependency without end",),
        what="no limit on the size of a response",
        edits=[(f"{CLIENT}/limits.py", "if size > self._max_bytes:", "if False:")],
    ),
    Revert(
        rows=("collector without end",),
        what="no limit on the size of an answer",
        edits=[
            ("exchanges/limited_socket.py", "if self._read_bytes < 0:", "if False:"),
            ("exchanges/poster.py", "response.read(BODY_BYTES)", "response.read()"),
        ],
    ),
    Revert(
        rows=("error tracker drips",),
        what="lost reports are not counted",
        edits=[("reporting/transport.py", "ERRORS_QUEUE_FULL.inc()", "pass")],
    ),
    Revert(
        rows=("collector redirects",),
        what="a redirect is a success",
        edits=[("traces/exporter.py", "if 200 <= answer.status < 300:", "if 200 <= answer.status < 400:")],
    ),
    Revert(
        rows=("collector refuses a part",),
        what="what a collector refuses is not counted",
        edits=[("traces/exporter.py", "TRACES_REJECTED.inc(rejected)", "pass")],
    ),
    Revert(
        rows=("caller gives up",),
        what="a call that its caller cancelled counts as failed",
        edits=[(f"{CLIENT}/observation.py", "if error is not None and not cancelled:", "if error is not None:")],
    ),
    Revert(
        rows=("dependency down",),
        what="no line names the dependency",
        edits=[(f"{CLIENT}/observation.py", "self._failures.write(self._method, error_type, error)", "pass")],
    ),
)

REVERTS = (
    Revert(
        rows=("endless header lines", "endless header value", "endless target"),
        what="no limit on a head",
        settings={"MAX_HEAD_BYTES": "1000000000"},
    ),
    Revert(rows=("endless chunk extension", "endless trailers"), what="no limit on framing", edits=[FRAMING]),
    Revert(
        rows=("endless pipelined requests, then garbage", "malformed requests"),
        what="malformed requests are not refused",
        edits=[(MESSAGES, 'self.refuse("malformed")', "pass")],
    ),
    Revert(
        rows=("nothing sent", "half a head", "dripping head"),
        what="no deadline for a head",
        settings={"HEAD_SECONDS": FOR_EVER},
    ),
    Revert(rows=("half a body", "slow bodies"), what="no deadline for a body", settings={"BODY_SECONDS": FOR_EVER}),
    Revert(rows=("unread response",), what="no deadline for reading", settings={"WRITE_SECONDS": FOR_EVER}),
    Revert(rows=("idle connection",), what="no limit on keep-alive", settings={"KEEP_ALIVE_SECONDS": FOR_EVER}),
    Revert(
        rows=("dripping body",),
        what="the deadline of a body is total",
        edits=[(PROTOCOL, "self._limited_by.bodies.begin(self)", "pass")],
    ),
    Revert(
        rows=("silent connections", "half heads", "few descriptors"),
        what="no limit on connections",
        edits=[ALL_DESCRIPTORS],
        settings={"MAX_CONNECTIONS": "1000000"},
    ),
    Revert(
        rows=("few threads",),
        what="no limit on management connections",
        edits=[("management/protocol.py", "connections: int = 64", "connections: int = 100_000")],
    ),
    Revert(
        rows=("stall",),
        what="only a stall of 5 s leaves an event",
        edits=[("management/stalls.py", "STALL_SECONDS = 0.25", "STALL_SECONDS = 5.0")],
    ),
    Revert(
        rows=("behind a blocked loop",),
        what="the clock starts at the first read",
        edits=[(PROTOCOL, "- hidden_wait(self.transport)", "")],
    ),
    Revert(
        rows=("overload, CPU", "overload, CPU, kept", "overload, threads", "overload, threads, kept"),
        what="no load is shed",
        settings={"SHED_SECONDS": "0"},
    ),
    *OF_TELEMETRY,
    Revert(
        rows=("error in a handler", "error 4,000 calls deep", "error after the response"),
        what="failed requests are not counted",
        edits=[("failures.py", "_BY_SOURCE[source].inc()", "pass")],
    ),
    Revert(
        rows=("error that ends a process",),
        what="only `Exception` is observed",
        edits=[(DATA_PLANE, "except BaseException as error:", "except Exception as error:")],
    ),
    Revert(
        rows=("error of a task that was cancelled",),
        what="every `CancelledError` is a cancellation by the server",
        edits=[(OBSERVED, " and failures.was_told_to_stop()", "")],
    ),
    Revert(
        rows=("error after the client has left",),
        what="nothing is said once the client has left",
        edits=[(OBSERVED, "self.disconnected and _says_left(error, sending)", "self.disconnected")],
    ),
    Revert(
        rows=("error without text",),
        what="what an exception raises when it is shown is not caught",
        edits=[
            (TRACEBACKS, 'message = "<exception str() failed>"', "raise"),
            (TRACEBACKS, 'return f"{type_name(type(error))}: {marker(error)}"', "raise"),
        ],
    ),
    Revert(
        rows=("error in a thread",),
        what="the interpreter's own hook for threads",
        edits=[(HOOKS, "threading.excepthook = _thread_failed", "")],
    ),
    Revert(
        rows=("error in a finalizer",),
        what="the interpreter's own hook for finalizers",
        edits=[(HOOKS, "sys.unraisablehook = _finalizer_failed", "")],
    ),
    Revert(
        rows=("error in a task",),
        what="nobody watches tasks",
        edits=[("server/loop.py", "loop.set_task_factory(self._create)", "")],
    ),
    Revert(
        rows=("background work fails",),
        what="failures of background work are not reported",
        edits=[("server/background.py", 'failures.report("background", "background.failed", error,', "dict(")],
    ),
    Revert(
        rows=("error before a websocket is accepted", "error after a websocket is accepted"),
        what="errors of websockets are not reported",
        edits=[(WEBSOCKET, "error, self.error = self.error, None", "error = self.error = None")],
    ),
    Revert(
        rows=("error the team logs",),
        what="lines do not reach the error tracker",
        edits=[("logs/pipeline.py", "_END.report(error)", "pass")],
    ),
    Revert(
        rows=("hostile log values",),
        what="what a value raises in a logging call reaches the caller",
        edits=[("logs/logger.py", "self._logger.write_remains(level, event, error)", "raise")],
    ),
    Revert(
        rows=("websocket",),
        what="the trace context of a handshake is not continued",
        edits=[(WEBSOCKET, "**websocket.ids._asdict(),", "")],
    ),
    Revert(
        rows=("stream at the drain",),
        what="no drain event",
        edits=[("lifecycle.py", "self._drain.set()", "pass")],
        settings={"GRACEFUL_SECONDS": "1"},
    ),
    Revert(
        rows=("h2c offer",),
        what="what follows an offer is dropped",
        edits=[(MESSAGES, "return piece[offer.args[0] :]", 'return b""')],
    ),
    Revert(
        rows=("unknown protocol",),
        what="refused offers are not counted",
        edits=[(PROTOCOL, 'self._refusals.count("upgrade_refused", self._address)', "pass")],
    ),
    Revert(
        rows=("bound field",),
        what="`http.request_finished` without bound fields",
        edits=[(RECORDER, "{**redact(bound), **event} if bound else event", "event")],
    ),
    Revert(
        rows=("failed request",),
        what="spans without the exception",
        edits=[(RECORDER, 'span.add_event("exception", described(request.error))', "pass")],
    ),
    Revert(
        rows=("first failures",),
        what="the bad events begin with the first one",
        edits=[("slo.py", "_declared.declare(self.slo, events)", 'SLO_EVENTS.remove(self.slo, "bad")')],
    ),
)
