"""Creates the development console where it is on. Nothing of it is imported where it is off."""

import secrets
from typing import TYPE_CHECKING, NamedTuple

from pydantic import SecretStr

from .diagnostics.log_level import LevelOverride
from .logs.watched import Watch as LineWatch
from .management.subject import Subject
from .requests.watch import Watch as RequestWatch
from .server.management_plane import MakeConsole
from .settings import Settings
from .traces.request_span import SpanWatch

if TYPE_CHECKING:
    from .console import Console

TOKEN_BYTES = 16


class Watches(NamedTuple):
    """What the console gets of the log, of the tracer and of the data plane, and how it is made."""

    lines: LineWatch | None = None
    spans: SpanWatch | None = None
    requests: RequestWatch | None = None
    console: MakeConsole | None = None


def with_token(settings: Settings) -> Settings:
    """The settings with a new token for the console, if that is on and has none."""
    if not settings.console or settings.console_token is not None:
        return settings
    return settings.model_copy(update={"console_token": SecretStr(secrets.token_hex(TOKEN_BYTES))})


def watches(settings: Settings) -> Watches:
    """The console of a process, or nothing if it is off."""
    if not settings.console:
        return Watches()
    from .console import Console  # noqa: PLC0415 - only where it is on
    from .console.buffers import Buffers  # noqa: PLC0415

    buffers = Buffers()

    def console(subject: Subject, level: LevelOverride) -> "Console":
        return Console(buffers, subject, level)

    return Watches(buffers.lines.add, buffers.spans, buffers.exchanges, console)
