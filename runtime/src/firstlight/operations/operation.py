"""An operation: one method of one path, declared as one value."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel
from starlette.responses import Response

from ..latency import Latency
from ..versions.version import Version
from .answer import Answer

Coroutine = Callable[..., Awaitable[Response]]
Handler = Coroutine | Callable[..., Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path, with its input and its responses.

    `handler` is a coroutine function. It gets the request, and the validated `body=`, `form=` and `query=` that are
    declared. Invalid input is answered with 422, a body of another media type with 415, without a call of the handler.
    Unknown members and parameters are invalid, unless the config of the model decides about `extra`.
    A plain function is also possible and runs in a thread.
    """

    method: str
    path: str
    handler: Handler
    body: type[BaseModel] | None = None
    """The model of the JSON document in the request."""
    form: type[BaseModel] | None = None
    """The model of a form, in place of `body`: `multipart/form-data` or URL-encoded. A file is a
    `starlette.datastructures.UploadFile`, which is closed when the handler has returned. Needs `python-multipart`."""
    query: type[BaseModel] | None = None
    """The model of the query string. The last value of a repeated parameter counts. Without a model, parameters are
    passed over: others add some to links that people follow."""
    answers: Mapping[int, type[BaseModel] | Answer | None] = field(default_factory=lambda: {200: None})
    """The models of the responses, by status code. None for a response without a JSON document. An `Answer` also names
    headers: `{201: Answer(LinkOut, headers={"Location": "The address of the link."})}`."""
    problems: Sequence[int] = ()
    """Status codes of the problem documents with which this operation may answer."""

    # Metadata for middleware. By default: no authentication, cost 1, no idempotency key, not cached.
    policy: str | None = None
    """The name of the security scheme that callers must satisfy. None: open to all."""
    cost: int = 1
    """How many units of a rate limit one call uses."""
    idempotent: bool = False
    """Whether an `Idempotency-Key` is honoured. Needs the component `IDEMPOTENCY` of `firstlight.idempotency`."""
    idempotency_required: bool = False
    """Whether a request without a key is refused with 400."""
    idempotency_seconds: float | None = None
    """How long a response is stored for its key, in seconds. None: `IDEMPOTENCY_SECONDS`."""
    cache_seconds: float | None = None
    """How long a cache may use a response without a request, in seconds. None: not at all. Caches that serve several
    users get it only from an operation without a `policy`. A handler may set `Cache-Control` itself."""
    secret: bool = False
    """Whether the responses carry secrets, such as a new key: they are never stored and never compressed."""
    precondition_required: bool = False
    """Whether a request must name the version that it changes, in `If-Match`. Without, it is refused with 428."""
    deadline_seconds: float | None = None
    """How long the handler may take, in seconds. None: as `HANDLER_SECONDS` says. 0: no limit.

    The time ends with the response object: the chunks of a stream do not count, nor does the wait for the body."""
    calls: Sequence[str] = ()
    """The dependencies of the component `http_client` that the handler calls. The start compares their timeouts with
    the deadline of the handler."""
    version: Version | None = None
    """The version of the API to which it belongs. A deprecated version says so on each response."""
    latency: Latency | None = field(default_factory=Latency)
    """Its latency objective. None excludes it from every latency objective."""

    @property
    def name(self) -> str:
        """The name of the handler function. It stays the same when the path changes."""
        return self.handler.__name__

    @property
    def noun(self) -> str:
        """The folder of the handler's module, such as `links`: it groups operations in the documentation."""
        parts = self.handler.__module__.split(".")
        return parts[-2] if len(parts) > 1 else parts[-1]

    @property
    def id(self) -> str:
        """The name in the OpenAPI document, such as `links_create`. It stays the same when the path changes.

        With a version it is `links_create_v2`: versions may share a handler.
        """
        version = "" if self.version is None else f"_{re.sub('[.-]', '_', self.version.name)}"
        return f"{self.noun}_{self.name}{version}"

    @property
    def is_deprecated(self) -> bool:
        """Whether its version is deprecated, now or from a later date on."""
        return self.version is not None and self.version.deprecated is not None

    @property
    def responses(self) -> Mapping[int, Answer]:
        """The answers by status code, each as an `Answer`."""
        return {
            status: answer if isinstance(answer, Answer) else Answer(answer) for status, answer in self.answers.items()
        }

    @property
    def sends_json(self) -> bool:
        """Whether one of its answers is a JSON document."""
        return any(answer.model is not None for answer in self.responses.values())

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring, or an empty text."""
        return (inspect.getdoc(self.handler) or "").partition("\n")[0]

    @property
    def description(self) -> str:
        """The handler's docstring without its first line, or an empty text."""
        return (inspect.getdoc(self.handler) or "").partition("\n")[2].strip()
