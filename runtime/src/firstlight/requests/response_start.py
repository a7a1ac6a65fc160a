"""The start of a response: the request id and the headers that every response has.

Our own server writes them itself, from the scope. For any other server they are added to the message.
"""

from collections.abc import Iterable, Sequence

from starlette.types import Message, Scope

from ..security.headers import LINES, Fields, Header
from ..security.headers import completed as with_missing
from .identification import with_header

BEGUN = "firstlight.begun"  # in the scope: the response has begun
MORE = "firstlight.more_lines"  # in the scope: lines of fields that middleware adds to the response of this request
OF_VERSION = "firstlight.version"  # in the scope: the same, for the version of the operation
_CLOSE = (b"connection", b"close")


def with_fields(message: Message, scope: Scope, request_id: Header, added: Fields, *, closing: bool) -> Message:
    """The message with `request_id`, with the headers in `added` that it does not have, and with `Connection: close`.

    It also gets the fields in `MORE` and `OF_VERSION`. Nothing of that is in the message if the server adds it. The
    given message is not changed.
    """
    scope[BEGUN] = True
    headers = message.get("headers", ())
    if closing:
        headers = with_header(headers, *_CLOSE)
        message = {**message, "headers": headers}
    elif type(headers) is not list:
        message = listed(message)
        headers = message["headers"]
    more: bytes = scope.get(MORE, b"") + scope.get(OF_VERSION, b"")
    if LINES in scope:
        scope[LINES] = request_id, added, more
        return message
    return {**message, "headers": completed(headers, request_id, added, more)}


def listed(message: Message) -> Message:
    """The start of a response with its headers as a list: ASGI allows an iterable that can be read only once."""
    headers = message.get("headers", ())
    return message if type(headers) is list else {**message, "headers": list(headers)}


def completed(
    headers: Iterable[Sequence[bytes]], request_id: Header, added: Fields, more: bytes
) -> list[Sequence[bytes]]:
    """The headers with everything that `with_fields` adds."""
    pairs = [tuple(line.split(b": ", 1)) for line in more.splitlines()]
    return [*with_missing(with_header(headers, *request_id), added), *pairs]
