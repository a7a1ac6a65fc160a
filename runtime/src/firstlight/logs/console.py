"""Renders an event for a terminal: a short line for a request, name and fields for other events."""

from typing import Any

import orjson

from ..development import handover
from ..settings import Settings
from ..terminal import Paint, printable
from .frames import folded
from .limits import LINE_BYTES
from .rendering import Event, made_plain, shortened
from .values import TRACES

_HIDDEN = frozenset(("timestamp", "level", "event", "service", "version", "env", "span_id"))
_IDS = frozenset(("request_id", "trace_id"))  # shown with errors, to find the other lines
_WITH_IDS = frozenset(("warning", "error", "critical"))
_LEVELS = {"debug": ("dim",), "warning": ("yellow",), "error": ("red",), "critical": ("bold", "red")}
# Fields of a request that its short line shows or leaves out.
_OF_A_REQUEST = ("http_", "url_", "client_", "server_", "network_", "user_agent_", "request_", "response_", "error_")
_OWN_OF_A_REQUEST = frozenset(("duration_seconds", "close_code", "trace_id"))
_ON_ITS_SHORT_LINE = frozenset(("http_request_method", "http_response_status_code", "error_type", "close_code"))
_FAILED = frozenset(("http.request_failed", "websocket.failed"))
_ENDS = frozenset(("service.drain_started", "service.drain_finished", "service.stopped"))
_STATUS_STYLES = {2: "green", 3: "cyan", 4: "yellow", 5: "red"}
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - the address to open in a browser


class Console:
    """Renders events as text. Control characters are escaped. Tracebacks keep their lines."""

    def __init__(self, settings: Settings, paint: Paint) -> None:
        """`settings` have the addresses, and the threshold of slow requests."""
        self._settings = settings
        self._paint = paint

    def __call__(self, event: Event) -> bytes:
        """Render one event as one or several lines. Empty for events about which the supervisor prints a line."""
        try:
            text = self._rendered(event)
        except Exception:  # noqa: BLE001 - an event that did not pass the processors may contain any value
            event = made_plain(event)
            text = self._line(event)
        line = f"{text}\n".encode(errors="backslashreplace") if text else b""
        if len(line) <= LINE_BYTES:
            return line
        return Console(self._settings, Paint(wanted=False)).brief(event)  # no colour may be cut in the middle

    def brief(self, event: Event) -> bytes:
        """The event with its largest fields cut, in at most 64 KiB."""
        return self._line(shortened(event)).encode(errors="backslashreplace")[: LINE_BYTES - 1] + b"\n"

    def _rendered(self, event: Event) -> str:
        name = event["event"]
        if name == "http.request_finished" and "duration_seconds" in event:
            return self._request(event, str(event["http_request_method"]), event["http_response_status_code"])
        if name == "websocket.closed" and "duration_seconds" in event:
            return self._request(event, "WEBSOCKET", event["close_code"])
        if name == "service.started" and "management_port" in event:
            return self._started(event)
        if name in _ENDS and event["level"] == "info" and handover.is_supervised():
            return ""
        return self._line(event)

    def _request(self, event: Event, method: str, status: Any) -> str:
        """Such as `12:30:01 POST /api/v1/links 201 0.7 ms`, with the error if there is one."""
        paint, seconds = self._paint, float(event["duration_seconds"])
        style = "red" if event["level"] == "error" else _STATUS_STYLES.get(int(status) // 100, "green")
        slow = ("yellow",) if seconds > self._settings.slo_latency_seconds and method != "WEBSOCKET" else ("dim",)
        duration = f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
        words = [
            paint(_time(event), "dim"),
            paint(printable(method), "bold"),
            printable(str(event["url_path"])),
            paint(str(status), style),
            paint(duration, *slow),
        ]
        if event.get("error_type") and str(event["error_type"]) != str(status):
            words.append(paint(printable(str(event["error_type"])), style))
        left = {k: v for k, v in event.items() if not k.startswith(_OF_A_REQUEST) and k not in _OWN_OF_A_REQUEST}
        return " ".join([*words, *self._fields(left)])

    def _started(self, event: Event) -> str:
        """The URLs, or one line after a reload."""
        seconds, paint = handover.seconds_since_change(), self._paint
        if seconds is not None:
            return paint(f"ready again after {seconds:.1f} s", "green")
        management = _url(self._settings.management_host, event["management_port"])
        places = {"health": f"{management}/health", "metrics": f"{management}/metrics"}
        if self._settings.console and (token := self._settings.console_token) is not None:
            places["console"] = f"{management}/console/login?token={token.get_secret_value()}"
        if event["port"]:
            places = {"service": _url(self._settings.host, event["port"]), **places}
        heading = paint(f"{printable(event['service'])} {printable(event['version'])} is ready", "bold", "green")
        lines = ["", f"  {heading}", *(f"  {name:<8} {paint(url, 'cyan')}" for name, url in places.items())]
        if handover.is_supervised():
            lines.append(paint("  It reloads when a file changes. Ctrl-C stops it.", "dim"))
        return "\n".join([*lines, ""])

    def _line(self, event: Event) -> str:
        """Time, level (unless info), event and fields on one line. Tracebacks and stacks follow on their own lines."""
        level, paint = event["level"], self._paint
        words = [paint(_time(event), "dim")]
        if level != "info":
            words.append(paint(level, *_LEVELS.get(level, ())))
        words.append(paint(printable(str(event["event"])), "bold"))
        blocks = [event[name] for name in TRACES if _is_block(event.get(name))]
        shown = {name: value for name, value in event.items() if not (name in TRACES and _is_block(value))}
        below = [line for block in blocks for line in folded(block, paint)]
        return "\n".join([" ".join([*words, *self._fields(shown)]), *below])

    def _fields(self, event: Event) -> list[str]:
        """The fields without those of every line. The ids are shown with errors only."""
        hidden = _HIDDEN if event["level"] in _WITH_IDS else _HIDDEN | _IDS
        if event["event"] in _FAILED:
            hidden |= _ON_ITS_SHORT_LINE
        named = {printable(name): _value(value) for name, value in event.items() if name not in hidden}
        return [f"{self._paint(f'{name}=', 'dim')}{value}" for name, value in named.items()]


def _time(event: Event) -> str:
    return f"{event['timestamp'].astimezone():%H:%M:%S}"


def _url(host: str, port: int) -> str:
    host = _UNSPECIFIED.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_block(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value


def _value(value: Any) -> str:
    """The value unchanged if it is one word, else quoted as in JSON."""
    if isinstance(value, str) and value and not set(value) & set(' ="') and value.isprintable():
        return value
    if isinstance(value, str):
        return f'"{printable(value)}"'
    return printable(orjson.dumps(value, default=repr).decode())
