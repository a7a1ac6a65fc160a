"""The example of a blog at 1,000 requests a second on one core: posts, trees of comments, lists, searches, comments."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from .load import Answers
from .processes import FailedError
from .report import WORDS, Row, Section, percentile
from .rig import Rig, Server
from .variants import BLOG

OK = 200
REFUSED = "503"
RATE = 1000.0
REQUESTS = 10_000  # of a round; there are as many posts
ALONE = 1_000
SETTLE_SECONDS = 0.4
MOST_P95_MS = 25.0
MOST_WAITED = 0.2  # beyond it, latencies are somebody else's
PERCENTILES = (50.0, 95.0, 99.0)
ONE = "/api/v1/posts/post-{n}"
COMMENT = {"path": f"{ONE}/comments", "method": "POST", "body": '{"author": "reader", "text": "A comment, {n}."}'}
KINDS: Mapping[str, Mapping[str, str]] = {
    "post": {"path": ONE},
    "tree of 20 comments": {"path": f"{ONE}/comments"},
    "list of 20": {"path": "/api/v1/posts?limit=20"},
    "search": {"path": "/api/v1/posts?limit=20&q=topic7"},
    "new comment": COMMENT,
}
POST, TREE, LIST, SEARCH, _ = KINDS.values()
TURNS = (
    *(POST, TREE, POST, LIST, POST, TREE, POST, SEARCH, POST, TREE),
    *(POST, TREE, POST, LIST, POST, TREE, POST, SEARCH, POST, COMMENT),
)
METHOD = (
    f"The service with the example of [a blog](examples/blog/README.md): {REQUESTS:,} posts of 600 characters with 20 "
    "nested comments each, 10 % sampled, on one core; PostgreSQL and the load share the other. Open loop: "
    f"{RATE:,.0f} requests a second on a fixed schedule, {REQUESTS:,} a round, over 32 connections, latency counted "
    "from the scheduled instant: 50 % posts, 25 % trees of comments, 10 % lists of 20, 10 % searches, 5 % new "
    "comments. Refused: answered with 503, which counts as an answer. Medians over the "
    "rounds. Then each kind alone, in a closed loop."
)
HEAD = ("The mix", "p50, ms", "p95, ms", "p99, ms", "core used", "refused", f"p95 < {MOST_P95_MS:.0f} ms")
KINDS_HEAD = ("One request", "service, us", "PostgreSQL, us", "requests/s and core")


@dataclass(frozen=True)
class Round:
    """The latencies of a round, the share of the core that the service used, and of requests that it refused."""

    milliseconds: Sequence[float]
    used: float
    refused: float


def measure(rig: Rig) -> Section:
    """The mix for a few rounds, then each kind alone."""
    with rig.start(BLOG) as server:
        rig.ready(server)
        status, body = server.fetch(f"/fill/{rig.amounts.of(REQUESTS) + 1}")  # the load numbers them from 0 or from 1
        if status != OK:
            reason = f"was not filled: {body}"
            raise server.failure(reason)
        _send(rig, server, TURNS, rig.amounts.of(REQUESTS), RATE)
        rounds = [_mixed(rig, server) for _ in range(rig.amounts.few_rounds)]
        kinds = [_alone(rig, server, *kind) for kind in KINDS.items()]
        quiet = server.waited < MOST_WAITED
    alone = Section("Each request of the blog", "CPU time, in a closed loop.", KINDS_HEAD, kinds)
    method = f"{rig.setting(rig.postgresql.version, 'sqlalchemy', 'asyncpg')} {METHOD}"
    return Section("Blog", method, HEAD, [_row(rounds, quiet=quiet)], parts=(alone,))


def _mixed(rig: Rig, server: Server) -> Round:
    """One round."""
    began, used = time.perf_counter(), server.cpu_seconds
    answers = _send(rig, server, TURNS, rig.amounts.of(REQUESTS), RATE)
    share = (server.cpu_seconds - used) / (time.perf_counter() - began)
    refused = answers.statuses.get(REFUSED, 0) / sum(answers.statuses.values())
    return Round([latency * 1000 for latency in answers.latencies], share, refused)


def _alone(rig: Rig, server: Server, name: str, turn: Mapping[str, str]) -> Row:
    count = rig.amounts.of(ALONE)
    _send(rig, server, [turn], count, 0)
    before = server.cpu_seconds, rig.postgresql.cpu_seconds
    _send(rig, server, [turn], count, 0)
    time.sleep(SETTLE_SECONDS)  # spans leave every 0.25 s
    after = server.cpu_seconds, rig.postgresql.cpu_seconds
    service, database = ((late - early) / count * 1e6 for early, late in zip(before, after, strict=True))
    return name, f"{service:.0f}", f"{database:.0f}", f"{1e6 / service:,.0f}"


def _send(rig: Rig, server: Server, turns: Sequence[Mapping[str, str]], count: int, rate: float) -> Answers:
    answers = rig.send(server, count, turns=list(turns), rate=rate)
    if unexpected := answers.statuses.keys() - {"200", "201", REFUSED}:
        msg = f"{server.variant.title} answered {', '.join(sorted(unexpected))}"
        raise FailedError(msg)
    return answers


def _row(rounds: Sequence[Round], *, quiet: bool) -> Row:
    p50, p95, p99 = (median(percentile(each.milliseconds, percent) for each in rounds) for percent in PERCENTILES)
    used, refused = median(each.used for each in rounds), max(each.refused for each in rounds)
    met = True if p95 < MOST_P95_MS and not refused else (False if quiet else None)
    latencies = (f"{p50:.1f}", f"{p95:.1f}", f"{p99:.1f}")
    return f"{RATE:,.0f} requests/s", *latencies, f"{used:.0%}", f"{refused:.1%}", WORDS[met]
