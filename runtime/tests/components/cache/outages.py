"""What can happen to Redis: each is a context that breaks it, and mends it at the end."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from firstlight.testing.redis import RedisProcess

from ...fault_proxy import FaultProxy

HELD = "sample:development:cache:links:kept"


class Broken(NamedTuple):
    """The server, and the way to it."""

    server: RedisProcess
    proxy: FaultProxy


Outage = Callable[[Broken], AbstractContextManager[None]]


def outage(begin: Callable[[Broken], object], end: Callable[[Broken], object]) -> Outage:
    """One that two calls begin and end."""

    @contextmanager
    def lasting(broken: Broken) -> Iterator[None]:
        try:
            begin(broken)
            yield
        finally:
            end(broken)

    return lasting


def _restart(broken: Broken) -> None:
    broken.server.start()


def _become_replica(broken: Broken) -> None:
    broken.server.command("REPLICAOF", "127.0.0.1", 1)


def _become_primary(broken: Broken) -> None:
    broken.server.command("REPLICAOF", "NO", "ONE")


def _fill(broken: Broken) -> None:
    broken.server.command("CONFIG", "SET", "maxmemory", "1")


def _evict(broken: Broken) -> None:
    """Fill the server until it has evicted keys."""
    broken.server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    broken.server.command("CONFIG", "SET", "maxmemory", "3mb")
    fill = "for i = 1, 3000 do redis.call('SET', 'other:' .. i, string.rep('x', 2000)) end"
    broken.server.command("EVAL", fill, 0)


def _grow(broken: Broken) -> None:
    broken.server.command("CONFIG", "SET", "maxmemory", "0")
    broken.server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")


def _wrong_type(broken: Broken) -> None:
    broken.server.command("DEL", HELD)
    broken.server.command("LPUSH", HELD, "x")


def _unreadable(broken: Broken) -> None:
    broken.server.command("DEL", HELD)
    broken.server.command("HSET", HELD, "v1", '{"fresh_until":99999999999}\n{"slug":1}')


def _lock_out(broken: Broken) -> None:
    broken.server.command("CONFIG", "SET", "requirepass", "another")
    broken.server.password = "another"  # noqa: S105 - of a test
    broken.proxy.reset()


def _let_in(broken: Broken) -> None:
    broken.server.command("CONFIG", "SET", "requirepass", "")
    broken.server.password = None


def _nothing(_: Broken) -> None:
    time.sleep(0)


CRASHED = outage(lambda broken: broken.server.kill(), _restart)
STOPPED = outage(lambda broken: broken.server.stop(), _restart)
UNREACHABLE = outage(lambda broken: broken.proxy.refuse(), lambda broken: broken.proxy.restore())
HANGING = outage(lambda broken: broken.proxy.hang(), lambda broken: broken.proxy.restore())
TOO_SLOW = outage(lambda broken: broken.proxy.slow(to_client=0.6), lambda broken: broken.proxy.restore())
SLOW = outage(lambda broken: broken.proxy.slow(to_client=0.01), lambda broken: broken.proxy.restore())
FLAPPING = outage(lambda broken: broken.proxy.flap(up=0.1, down=0.1), lambda broken: broken.proxy.restore())
SESSIONS_ENDED = outage(lambda broken: broken.server.command("CLIENT", "KILL", "TYPE", "normal"), _nothing)
EVICTING = outage(_evict, _grow)
OUT_OF_MEMORY = outage(_fill, _grow)
WRONG_PASSWORD = outage(_lock_out, _let_in)
READ_ONLY = outage(_become_replica, _become_primary)
WRONG_TYPE = outage(_wrong_type, _nothing)
UNREADABLE = outage(_unreadable, _nothing)
