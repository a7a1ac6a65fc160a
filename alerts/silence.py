#!/usr/bin/env python3
"""Silence the alerts of one service for a limited time, now or during a planned maintenance. Needs nothing but Python.

python3 silence.py --service acme-links --env production --duration 2h --reason "Database upgrade, OPS-12" --author ada
"""

import argparse
import http.client
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

URL = "http://localhost:9093"
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=7)
AHEAD = timedelta(days=90)  # a start later than that is a mistake in the date
TIMEOUT_SECONDS = 10
GIVE = "Give its address with --alertmanager."
UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class CallError(Exception):
    """Why Alertmanager did not do it, in one sentence."""


class Parser(argparse.ArgumentParser):
    """Refuses arguments with one sentence."""

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        self.exit(2, f"{message[:1].upper()}{message[1:].rstrip('.')}. --help lists the arguments.\n")


def main() -> None:
    """Create the silence and say what it holds back. Status 1 if Alertmanager does not take it."""
    arguments = _arguments()
    matchers = {name: getattr(arguments, name) for name in ("service", "env", "cluster") if getattr(arguments, name)}
    if arguments.alert:
        matchers["alertname"] = arguments.alert
    starts = max(arguments.starts, datetime.now(UTC))
    ends = starts + arguments.duration
    silence = {
        "matchers": [{"name": n, "value": v, "isRegex": False, "isEqual": True} for n, v in matchers.items()],
        "startsAt": starts.isoformat(),
        "endsAt": ends.isoformat(),
        "createdBy": arguments.author,
        "comment": arguments.reason,
    }
    try:
        created = _created(arguments.alertmanager, silence)
    except CallError as error:
        sys.exit(str(error))
    print(f"{_what(matchers)}: silent from {starts:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC.")
    print(f"Firing now: {_firing(arguments.alertmanager, matchers)}")
    print(f"To end it early: amtool --alertmanager.url={arguments.alertmanager} silence expire {created}")


def _arguments() -> argparse.Namespace:
    parser = Parser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--service", required=True, type=_text, help="the label service, in full")
    parser.add_argument("--env", required=True, type=_text, help="the label env, such as production")
    parser.add_argument("--duration", required=True, type=_duration, help="such as 30m, 2h or 1d12h; at most 7d")
    parser.add_argument("--reason", required=True, type=_text, help="why, for those who find the silence")
    parser.add_argument("--author", required=True, type=_text, help="who can be asked")
    parser.add_argument("--alert", type=_text, help="only this alert, such as ErrorBudgetBurn")
    parser.add_argument("--cluster", type=_text, help="only this cluster, where alerts have that label")
    parser.add_argument("--starts", type=_start, default=datetime.min.replace(tzinfo=UTC), help="UTC, 2026-12-01T22:00")
    parser.add_argument("--alertmanager", type=_url, default=URL, help=f"its address, {URL} without it")
    return parser.parse_args()


def _text(text: str) -> str:
    if not text.strip() or "\n" in text:
        msg = "must be one line with text in it"
        raise argparse.ArgumentTypeError(msg)
    return text.strip()


def _duration(text: str) -> timedelta:
    parts = re.findall(r"(\d{1,5})([dhm])", text)
    duration = timedelta(**{UNITS[unit]: int(number) for number, unit in parts})
    if "".join(number + unit for number, unit in parts) != text or not SHORTEST <= duration <= LONGEST:
        msg = f"must be from 1m to {LONGEST.days}d, such as 30m, 2h or 1d12h, and not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return duration


def _start(text: str) -> datetime:
    try:
        start = datetime.fromisoformat(text)
        start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    except (ValueError, OverflowError):
        msg = f"must be a time such as 2026-12-01T22:00, and not {text!r}"
        raise argparse.ArgumentTypeError(msg) from None
    if not timedelta(minutes=-1) <= start - datetime.now(UTC) <= AHEAD:
        msg = f"must be within the next {AHEAD.days} days, in UTC, and not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return start


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", text):
        msg = f"must be an address such as {URL}, and not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return text.rstrip("/")


def _what(matchers: Mapping[str, str]) -> str:
    """The service, as a sentence begins with it."""
    more = [matchers[name] for name in ("env", "cluster", "alertname") if name in matchers]
    return f"{matchers['service']} ({', '.join(more)})"


def _created(alertmanager: str, silence: Mapping[str, Any]) -> str:
    """Create a silence. Returns its identifier. Raises `CallError`."""
    answer = _call(alertmanager, "silences", silence)
    if isinstance(answer, dict) and isinstance(answer.get("silenceID"), str):
        return str(answer["silenceID"])
    msg = f"There is no Alertmanager at {alertmanager}: it answers, and names no silence. {GIVE}"
    raise CallError(msg)


def _firing(alertmanager: str, matchers: Mapping[str, str]) -> str:
    """The names of the alerts that the silence, which exists by now, holds back."""
    filters = urllib.parse.urlencode([("filter", f"{name}={json.dumps(value)}") for name, value in matchers.items()])
    try:
        names = sorted({alert["labels"]["alertname"] for alert in _call(alertmanager, f"alerts?{filters}")})
    except CallError as error:
        return f"not known. {error}"
    return f"{', '.join(names) or 'nothing that this matches'}."


def _call(alertmanager: str, path: str, body: object = None) -> Any:
    """Ask Alertmanager's API. Raises `CallError` when it does not answer, or refuses."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    try:
        request = urllib.request.Request(f"{alertmanager}/api/v2/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        reason = error.read(500).decode(errors="replace").strip() or error.reason
        msg = f"Alertmanager at {alertmanager} refuses it: {error.code}, {reason}."
    except (OSError, ValueError, http.client.HTTPException) as error:  # the last is what is no HTTP
        msg = f"There is no Alertmanager at {alertmanager}: {str(getattr(error, 'reason', error)).strip()}. {GIVE}"
    raise CallError(msg)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
