"""The end of a response."""

from starlette.types import Message


def is_last(message: Message, *, trailers: bool) -> bool:
    """Whether a message other than a body ends the response."""
    match message["type"]:
        case "http.response.trailers":
            return not message.get("more_trailers", False)
        case "http.response.pathsend":
            return not trailers
        case "http.response.zerocopysend":
            return not (message.get("more_body", False) or trailers)
        case _:
            return False
