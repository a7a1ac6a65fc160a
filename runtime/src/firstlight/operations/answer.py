"""An answer of an operation: the model and the headers of the responses with one status code."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Answer:
    """What an `Operation` says about its responses with one status code. `{201: LinkOut}` means `Answer(LinkOut)`.

    The OpenAPI document shows it, and the tests of the service compare it with each response.
    """

    model: type[BaseModel] | None = None
    """The model of the JSON document. None for a response without one."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that each response with this status has, by name, with a description. Those that the runtime adds are
    not named here."""
    description: str = ""
    """When the operation answers so. By default the reason phrase of the status code."""
    media_type: str = "application/json"
    """The media type of the response. One that is not JSON has no model."""
