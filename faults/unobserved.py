"""Reverts in the observation of requests and the reporting of errors."""

from .reverts import Revert

DATA_PLANE, RECORD, RECORDER = "requests/data_plane.py", "requests/request_record.py", "requests/recorder.py"
WEBSOCKET = "requests/observed_websocket.py"
HOOKS, TRACEBACKS = "server/hooks.py", "logs/tracebacks.py"

REVERTS = (
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
        edits=[(RECORD, " and failures.was_told_to_stop()", "")],
    ),
    Revert(
        rows=("error after the client has left",),
        what="nothing is said once the client has left",
        edits=[(RECORD, "self.disconnected and _says_left(error, sending)", "self.disconnected")],
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
        edits=[
            ("logs/values.py", "            shown = marker(value)", "            raise"),
            ("logs/logger.py", "self._logger.write_remains(level, event, error)", "raise"),
        ],
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
        rows=("bound field",),
        what="`http.request_finished` without bound fields",
        edits=[(RECORDER, "**redact(fields(bound or {})), ", "")],
    ),
    Revert(
        rows=("failed request",),
        what="spans without the exception",
        edits=[(RECORDER, 'span.add_event("exception", described(error))', "pass")],
    ),
    Revert(
        rows=("first failures",),
        what="the bad events begin with the first one",
        edits=[("slo.py", "_declared.declare(self.slo, events)", 'SLO_EVENTS.remove(self.slo, "bad")')],
    ),
)
