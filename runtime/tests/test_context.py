"""Code finds the ids of the request it serves, and of no other."""

import asyncio

from firstlight.context import REQUEST, RequestContext, current_request


def test_outside_a_request_there_is_none() -> None:
    """Code that runs at start or in a check finds no ids."""
    assert current_request() is None


def test_requests_served_side_by_side_see_their_own_ids() -> None:
    """Two tasks that take turns do not see each other's context."""

    async def serve(name: str, mine: asyncio.Event, other: asyncio.Event) -> RequestContext | None:
        REQUEST.set(RequestContext(name, "", ""))
        mine.set()
        await other.wait()
        return current_request()

    async def both() -> tuple[RequestContext | None, RequestContext | None]:
        first, second = asyncio.Event(), asyncio.Event()
        one, other = await asyncio.gather(serve("a", first, second), serve("b", second, first))
        return one, other

    assert asyncio.run(both()) == (RequestContext("a", "", ""), RequestContext("b", "", ""))
    assert current_request() is None
