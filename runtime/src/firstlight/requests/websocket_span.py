"""The span of a websocket that has ended."""

from collections.abc import Mapping

from opentelemetry.trace import Span, Status, StatusCode

from ..metrics.instruments import UNMATCHED
from .exception_event import described


def end(span: Span, error: BaseException | None, event: Mapping[str, str | int | float]) -> None:
    """End the span with the values of the websocket's event."""
    if not span.is_recording():
        return
    matched = event["http_route"] != UNMATCHED
    span.update_name(f"WEBSOCKET {event['http_route']}" if matched else "WEBSOCKET")
    span.set_attribute("network.protocol.name", "websocket")
    span.set_attribute("websocket.close_code", event["close_code"])
    if matched:
        span.set_attribute("http.route", event["http_route"])
    if error is not None:
        span.set_attribute("error.type", event["error_type"])
        span.set_status(Status(StatusCode.ERROR))
        span.add_event("exception", described(error))
    span.end()
