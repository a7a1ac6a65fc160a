"""Load for the demo's service: `python load.py <port> <path> <number> <clients> <seconds> <pause>`.

A program of its own, so that its threads do not slow the service down. It sends at most `number` requests in at most
`seconds`, waits `pause` seconds after each response, and prints how many responses had which status.
"""

import http.client
import sys
import threading
import time
from collections import Counter
from itertools import count
from typing import NamedTuple

NONE = "no response"
ANSWER_SECONDS = 10.0


class Load(NamedTuple):
    """What to send."""

    path: str
    number: int
    clients: int
    seconds: float
    """No request is sent later."""
    pause: float = 0.0

    def arguments(self, port: int) -> list[str]:
        """The command line for a service on this port."""
        return [str(each) for each in (port, *self)]


class Sender:
    """Sends one load from several clients at once."""

    def __init__(self, port: int, load: Load) -> None:
        """To a service of this machine."""
        self._port = port
        self._load = load
        self._numbers = count()
        self._end = time.monotonic() + load.seconds
        self.statuses: Counter[str] = Counter()

    def send(self) -> None:
        """Send everything, and wait for the last response."""
        threads = [threading.Thread(target=self._work) for _ in range(self._load.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self) -> None:
        while next(self._numbers) < self._load.number and time.monotonic() < self._end:
            self.statuses[self._status()] += 1
            time.sleep(self._load.pause)

    def _status(self) -> str:
        """Of one request, on a connection of its own: after an error the service closes it."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", self._load.path)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            return NONE
        else:
            return str(response.status)
        finally:
            connection.close()


def main(arguments: list[str]) -> int:
    """Send the load, and print a sentence."""
    port, path, number, clients, seconds, pause = arguments
    sender = Sender(int(port), Load(path, int(number), int(clients), float(seconds), float(pause)))
    began = time.monotonic()
    sender.send()
    outcomes = ", ".join(f"{status} {number} times" for status, number in sorted(sender.statuses.items()))
    print(f"{sender.statuses.total()} requests in {time.monotonic() - began:.1f} s: {outcomes}.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
