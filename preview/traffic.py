"""The traffic of the preview: ordinary requests with a changing rate, a few bad minutes, and the recovery."""

import http.client
import itertools
import math
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from demo.traffic import request

SENDERS = 4
SLUGS = 50
WAVE_SECONDS = 240
WAVE_HEIGHT = 0.35  # of the rate, up and down

Send = Callable[[int, random.Random], object]


@dataclass(frozen=True)
class Act:
    """One part of the traffic: the rate in requests per second, and the share of each kind of request."""

    share: float
    rate: float
    mix: Mapping[str, float]


ORDINARY = {"redirect": 750, "look_up": 120, "create": 60, "lost": 20, "work": 50}
BAD = ORDINARY | {"work": 150, "slow": 50, "fail": 5, "block": 2, "leave": 3}

ACTS = (Act(0.5, 30, ORDINARY), Act(0.15, 40, BAD), Act(0.35, 30, ORDINARY))

numbers = itertools.count()

KINDS: Mapping[str, Send] = {
    "redirect": lambda port, dice: request(port, "GET", f"/r/ours-{dice.randrange(SLUGS)}"),
    "look_up": lambda port, dice: request(port, "GET", f"/api/v1/links/ours-{dice.randrange(SLUGS)}"),
    "create": lambda port, _: _create(port, f"new-{next(numbers)}"),
    "lost": lambda port, dice: request(port, "GET", f"/r/nobody-{dice.randrange(SLUGS)}"),
    "work": lambda port, dice: _wait(port, min(dice.lognormvariate(-3.5, 0.7), 0.2)),
    "slow": lambda port, dice: _wait(port, dice.uniform(0.3, 0.9)),
    "fail": lambda port, _: request(port, "GET", "/faults/fail"),
    "block": lambda port, dice: request(port, "GET", f"/faults/block?seconds={dice.uniform(0.1, 0.3):.3f}"),
    "leave": lambda port, _: _leave(port, 0.1),
}


def _create(port: int, slug: str) -> object:
    return request(port, "POST", "/api/v1/links", {"url": f"https://example.com/{slug}", "slug": slug})


def _wait(port: int, seconds: float) -> object:
    return request(port, "GET", f"/faults/slow?seconds={seconds:.3f}")


def _leave(port: int, patience: float) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience)
    with suppress(TimeoutError):
        connection.request("GET", "/faults/slow")
        connection.getresponse()
    connection.close()


def drive(ports: Sequence[int], warm_up: float, seconds: float) -> None:
    """Play the first act to warm up, then all acts in so many seconds, on these instances."""
    for port, number in itertools.product(ports, range(SLUGS)):
        _create(port, f"ours-{number}")
    over = threading.Event()
    send = partial(_send, ports=ports, begins=time.monotonic() + warm_up, seconds=seconds, over=over)
    with ThreadPoolExecutor(SENDERS) as senders:
        try:
            list(senders.map(send, range(SENDERS)))
        finally:
            over.set()


def _send(seed: int, ports: Sequence[int], begins: float, seconds: float, over: threading.Event) -> None:
    dice = random.Random(seed)  # noqa: S311 - reproducible traffic, no secrets
    due = time.monotonic()
    while (passed := due - begins) < seconds and not over.wait(max(due - time.monotonic(), 0)):
        act = _act(passed / seconds)
        (kind,) = dice.choices(list(act.mix), list(act.mix.values()))
        KINDS[kind](dice.choice(ports), dice)
        wave = 1 + WAVE_HEIGHT * math.sin(2 * math.pi * passed / WAVE_SECONDS)
        due = max(due + dice.expovariate(act.rate * wave / SENDERS), time.monotonic() - 1)


def _act(passed: float) -> Act:
    ends = itertools.accumulate(act.share for act in ACTS)
    return next((act for act, end in zip(ACTS, ends, strict=True) if passed < end), ACTS[-1])
