"""The running application from the inside: its resources, and calls in its event loop."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar, cast

from starlette.testclient import TestClient

from ..component import Component

ResultT = TypeVar("ResultT")
ResourceT = TypeVar("ResourceT")


class InApp:
    """Calls coroutine functions where the application runs, and returns what they return.

    `in_app(LINK.create, in_app.resource(DATABASE), slug="one")` puts a row into the database of `client`.
    """

    def __init__(self, client: TestClient) -> None:
        """`client` is inside its `with` block."""
        self._client = client

    def __call__(
        self, function: Callable[..., Coroutine[Any, Any, ResultT]], *arguments: Any, **keywords: Any
    ) -> ResultT:
        """The result of `await function(*arguments, **keywords)`. Raises what it raises."""
        portal = self._client.portal
        assert portal is not None
        return cast("ResultT", portal.call(partial(function, *arguments, **keywords)))

    def resource(self, component: Component[Any, ResourceT]) -> ResourceT:
        """What `COMPONENT.of(request)` returns in handlers. Raises `LookupError` if the component is not open."""
        return cast("ResourceT", self._client.app_state[component.name])
