"""Scrapes: what rendering thousands of series does to the requests beside it."""

import threading
import time
from statistics import median
from typing import Self

from .latency import RATE, REQUESTS, added, is_quiet, milliseconds
from .processes import FailedError
from .report import Row, Section, Verdict, percentile
from .rig import Rig, Server
from .variants import SERVICE_SERIES

SERIES = 5_000
EVERY_SECONDS = 0.5
WARM_UP_REQUESTS = 2000
PERCENTILES = (50.0, 99.0, 99.9)
MOST_ADDED_MS = 10.0
PROMETHEUS = {"accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
METHOD = (
    f"The whole service with a histogram of {SERIES:,} series more. Open loop: {RATE:.0f} requests a second, "
    f"{REQUESTS:,} a round, without and with a scrape (OpenMetrics) every {EVERY_SECONDS} s. Rounds are interleaved; "
    "medians over the rounds."
)


def measure(rig: Rig) -> Section:
    """Without and with scrapes in turn, for some rounds."""
    quiet, scraped, scrapes = [], [], list[float]()
    with rig.start(SERVICE_SERIES) as server:
        server.until_ready()
        rig.send(server, rig.amounts.of(WARM_UP_REQUESTS))
        series = len(server.series())
        for _ in range(rig.amounts.few_rounds):
            quiet.append(milliseconds(rig, server))
            with Scraper(server) as scraper:
                scraped.append(milliseconds(rig, server))
            scrapes += scraper.seconds
    if series < SERIES:
        msg = f"a scrape holds {series} series, not {SERIES}"
        raise FailedError(msg)
    rows: list[Row] = [_row("without scrapes", quiet), _row("with scrapes", scraped)]
    head = (f"Latency at {RATE:.0f} requests/s, ms", *(f"p{percent:g}" for percent in PERCENTILES))
    method = f"{METHOD} A scrape of {series:,} series took {median(scrapes) * 1000:.0f} ms."
    return Section("Scrape", method, head, rows, [_verdict(quiet, scraped)])


class Scraper:
    """Scrapes in a thread for the length of a block."""

    def __init__(self, server: Server) -> None:
        """Nothing scraped yet."""
        self.seconds: list[float] = []
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        stopped = False
        while not stopped:
            started = time.perf_counter()
            self._server.fetch("/metrics", management=True, headers=PROMETHEUS)
            self.seconds.append(time.perf_counter() - started)
            stopped = self._stop.wait(EVERY_SECONDS)


def _row(title: str, rounds: list[list[float]]) -> Row:
    return title, *(f"{median(percentile(values, percent) for values in rounds):.2f}" for percent in PERCENTILES)


def _verdict(quiet: list[list[float]], scraped: list[list[float]]) -> Verdict:
    milliseconds_added = added(quiet, scraped, 99)
    target = f"A scrape of {SERIES:,} series adds at most {MOST_ADDED_MS:.0f} ms to the p99"
    met = milliseconds_added <= MOST_ADDED_MS if is_quiet(quiet) else None
    return Verdict(target, f"{milliseconds_added:.2f} ms", met)
