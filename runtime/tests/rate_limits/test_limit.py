"""Policies: what they mean, and what is refused with one sentence."""

import re
from pathlib import Path
from typing import Any

import pytest

from firstlight import ArrangementError
from firstlight.rate_limits import Limit, rate_limits

SECOND = 1_000_000_000
GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "limits.md"


@pytest.mark.parametrize(
    ("rate", "limit", "seconds"),
    [
        ("100/minute", 100, 60),
        ("10/second", 10, 1),
        (" 1000 / Hour ", 1000, 3600),
        ("5/15 minutes", 5, 900),
        ("5/15minutes", 5, 900),
        ("1/day", 1, 86_400),
    ],
)
def test_a_rate(rate: str, limit: int, seconds: int) -> None:
    """A number of requests, and a period of one or several units."""
    made = Limit(name="all", rate=rate)

    assert (made.limit, made.period) == (limit, seconds * SECOND)


@pytest.mark.parametrize(
    ("fields", "capacity"),
    [
        ({}, 60),
        ({"burst": 20}, 20),
        ({"algorithm": "leaky_bucket"}, 1),
        ({"algorithm": "leaky_bucket", "burst": 3}, 3),
        ({"algorithm": "fixed_window"}, 60),
        ({"algorithm": "sliding_window"}, 60),
    ],
)
def test_the_most_that_passes_at_once(fields: dict[str, Any], capacity: int) -> None:
    """A token bucket is full at the start; a leaky bucket spaces requests evenly."""
    assert Limit(name="all", rate="60/minute", **fields).capacity == capacity


@pytest.mark.parametrize(
    ("fields", "at_the_routes"),
    [
        ({}, False),
        ({"by": "global", "methods": ("POST",)}, False),
        ({"paths": ("/r/{slug}",)}, True),
        ({"by": "caller"}, True),
        ({"by": "route"}, True),
        ({"by": ("address", "route")}, True),
    ],
)
def test_where_a_limit_is_checked(fields: dict[str, Any], *, at_the_routes: bool) -> None:
    """Before the router, unless it needs the route or the caller."""
    assert Limit(name="all", rate="1/second", **fields).is_checked_at_the_routes is at_the_routes


@pytest.mark.parametrize(
    ("fields", "method", "path", "covered"),
    [
        ({}, "BREW", "/x", True),
        ({"methods": ("GET",)}, "HEAD", "/x", True),
        ({"methods": ("POST",)}, "GET", "/x", False),
        ({"paths": ("/r/{slug}",)}, "GET", "/r/{slug}", True),
        ({"paths": ("/r/{slug}",)}, "GET", "/r/{slug}/visits", False),
        ({"paths": ("/api/*", "/r/*")}, "GET", "/r/{slug}/visits", True),
        ({"paths": ("/api/*",)}, "GET", "/ap", False),
    ],
)
def test_which_requests_a_limit_covers(fields: dict[str, Any], method: str, path: str, *, covered: bool) -> None:
    """By method and by the template of the route."""
    assert Limit(name="all", rate="1/second", **fields).covers(method, path) is covered


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "By address"}, "the rate limit 'By address' must have a name in lower case"),
        ({"rate": "ten/minute"}, "must have a rate such as 100/minute or 5/15 minutes, not 'ten/minute'"),
        ({"rate": "0/minute"}, "must have a rate such as"),
        ({"rate": "5/0 minutes"}, "must have a rate such as"),
        ({"rate": "1.5/second"}, "must have a rate such as"),
        ({"rate": "2000000/second"}, "at most 1000000 requests in a second"),
        ({"by": "user"}, "must be `by` one or several of address, caller, route, global, not 'user'"),
        ({"by": ()}, "must be `by` one or several of"),
        ({"by": ("global", "caller")}, "must be `by` global alone"),
        ({"algorithm": "gcra"}, "must have an algorithm of token_bucket, leaky_bucket"),
        ({"burst": 0}, "must have a `burst` of at least 1"),
        ({"burst": 5, "algorithm": "fixed_window"}, "only with token_bucket or leaky_bucket"),
        ({"methods": "POST"}, 'must have a tuple in `methods`, such as ("POST",)'),
        ({"methods": ("post",)}, "must have its methods in upper case"),
        ({"paths": ("r/{slug}",)}, "must have paths that begin with a slash"),
        ({"exempt": "10.0.0.0/8"}, "must have a tuple in `exempt`"),
        ({"exempt": ("10.0.0.1/8",)}, "must exempt networks (10.0.0.0/8) and callers (name:nightly), not '10.0.0.1/8'"),
        ({"when_store_fails": "ignore"}, "must have allow or refuse in `when_store_fails`, not 'ignore'"),
    ],
)
def test_a_limit_that_cannot_work(fields: dict[str, Any], sentence: str) -> None:
    """One sentence names the limit, and what it must have."""
    with pytest.raises(ArrangementError) as refusal:
        Limit(**{"name": "all", "rate": "60/minute", **fields})

    assert sentence in str(refusal.value)


def test_limits_that_do_not_fit_together() -> None:
    """Each has a name of its own: it is the label of the metrics and part of the counters' keys."""
    limit = Limit(name="all", rate="60/minute")

    with pytest.raises(ArrangementError, match="the rate limit 'all' is declared 2 times; rename one of them"):
        rate_limits(limit, limit)
    with pytest.raises(ArrangementError, match="`headers` of the rate limits must be one of x-ratelimit, ietf, none"):
        rate_limits(limit, headers="all")  # type: ignore[arg-type] # what a team may write


def test_the_limits_of_the_guide() -> None:
    """They fit together. Each of the four says what its row of the guide says."""
    (text,) = re.findall(r"```python\n(LIMITS = .*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    page: dict[str, Any] = {"Limit": Limit}
    exec(text, page)  # noqa: S102 - our own page

    component = rate_limits(*page["LIMITS"])

    assert component.name == "rate_limits"
    assert [limit.capacity for limit in page["LIMITS"]] == [1000, 600, 5, 1]
    assert [limit.is_checked_at_the_routes for limit in page["LIMITS"]] == [False, True, True, True]
