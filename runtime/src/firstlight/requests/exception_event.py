"""An exception as the attributes of a span event, by semantic convention."""

from collections.abc import Mapping

from ..error_type import error_type
from ..logs.limits import cut, cut_middle
from ..logs.redaction import redact_text
from ..logs.tracebacks import rendered

MESSAGE_BYTES = 1024
STACK_BYTES = 4096


def described(error: BaseException) -> Mapping[str, str]:
    """Type, message and stack, cut and without secrets. Never raises."""
    text = redact_text(rendered(error))
    message = text.partition("\n")[0].partition(": ")[2]
    return {
        "exception.type": error_type(error),
        "exception.message": cut(message, MESSAGE_BYTES),
        "exception.stacktrace": cut_middle(text, STACK_BYTES),
    }
