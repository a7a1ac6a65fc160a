"""Where the states of all keys are: in this process, or in a store that several instances share."""

from collections.abc import Awaitable, Sequence
from typing import Protocol

from .limit import Limit

Claim = tuple[Limit, str, int]
"""What one request asks of one limit: the limit, the key of its counter, and the cost."""


Standing = tuple[int, int, int]
"""Where a key stands with its limit after a request. Plain tuples, because there is one for each check:

* wait: 0 if the limit lets the request pass, else the nanoseconds after which it would;
* left: how many requests of cost 1 may follow at once;
* reset: nanoseconds until the whole limit is available again.
"""


class Store(Protocol):
    """A store of rate limits.

    `take` checks all claims of a request in one step: if one limit refuses, none is used up. A store in the process
    returns the standings, in the order of the claims; a remote one returns an awaitable of them, and must raise, not
    wait, when it cannot answer soon: every request waits for it.
    """

    def take(self, claims: Sequence[Claim]) -> list[Standing] | Awaitable[list[Standing]]:
        """Take the cost of each claim from its limit, or nothing if one of them refuses. May raise any `Exception`."""
