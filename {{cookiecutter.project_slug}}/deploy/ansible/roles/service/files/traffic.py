#!/usr/bin/env python3
"""Share the traffic between slots, through haproxy's runtime socket.

    traffic BACKEND blue=95 green=5

Every server whose name begins with the slot's name gets the number as its weight. Weights are raised before others are
lowered, so that there is always a server with traffic. haproxy is not reloaded and no connection is closed. After a
restart, haproxy uses the weights of its configuration. Exit status 0 when haproxy has the weights, 1 when not.

    traffic BACKEND blue=0 green=100 --check

With --check nothing is changed. The exit status is 1 also when a server that should have traffic is down.
"""

import argparse
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

UP = 2  # srv_op_state: checks pass
HIGHEST_WEIGHT = 256
TIMEOUT_SECONDS = 5


class TrafficError(Exception):
    """Why the traffic is not shared as requested, in one sentence."""


@dataclass(frozen=True)
class Server:
    """One server of the backend, as haproxy sees it now."""

    name: str
    up: bool
    weight: int


class Backend:
    """A backend of a running haproxy."""

    def __init__(self, path: str, name: str) -> None:
        """The backend `name` of the haproxy whose runtime socket is at `path`."""
        self.path = path
        self.name = name

    def ask(self, command: str) -> str:
        """Send one command. Raises `TrafficError` when haproxy does not answer."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(TIMEOUT_SECONDS)
                connection.connect(self.path)
                connection.sendall(f"{command}\n".encode())
                return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        except OSError as error:
            msg = f"haproxy does not answer at {self.path}: {error}"
            raise TrafficError(msg) from None

    def servers(self) -> list[Server]:
        """All servers. Raises `TrafficError` for a backend that haproxy does not know."""
        answer = self.ask(f"show servers state {self.name}")
        lines = [line.split() for line in answer.splitlines() if line.strip()]
        if len(lines) < 2 or lines[1][:2] != ["#", "be_id"]:  # noqa: PLR2004 - a version, then the names of the columns
            msg = f"haproxy has no backend {self.name!r}: {answer.strip()}"
            raise TrafficError(msg)
        rows = [dict(zip(lines[1][1:], line, strict=False)) for line in lines[2:]]
        return [Server(row["srv_name"], int(row["srv_op_state"]) == UP, int(row["srv_uweight"])) for row in rows]

    def set(self, server: str, what: str) -> None:
        """Change one server. Raises `TrafficError` when haproxy refuses."""
        if refusal := self.ask(f"set server {self.name}/{server} {what}").strip():
            msg = f"haproxy refuses {what} for {server}: {refusal}"
            raise TrafficError(msg)


def wanted(servers: Sequence[Server], shares: Mapping[str, int]) -> dict[str, int]:
    """The weight of every server of the slots. Raises `TrafficError` for a slot without servers."""
    weights = {server.name: shares[slot] for server in servers if (slot := server.name.rpartition("-")[0]) in shares}
    missing = shares.keys() - {name.rpartition("-")[0] for name in weights}
    if missing:
        msg = f"haproxy has no server of {', '.join(sorted(missing))}"
        raise TrafficError(msg)
    return weights


def wait_until_ready(backend: Backend, slot: str, seconds: float) -> None:
    """Wait until each server of a slot passes a new check. Raises `TrafficError` after `seconds`."""
    names = wanted(backend.servers(), {slot: 0})
    for name in names:
        backend.set(name, "health down")  # haproxy's last result may be from before the process started
    end = time.monotonic() + seconds
    while waiting := [server.name for server in backend.servers() if server.name in names and not server.up]:
        if time.monotonic() >= end:
            msg = f"{' and '.join(waiting)} did not become ready within {seconds:g} s"
            raise TrafficError(msg)
        time.sleep(0.1)


def share(backend: Backend, shares: Mapping[str, int]) -> None:
    """Set the weights and check them. Raises `TrafficError`."""
    weights = wanted(backend.servers(), shares)
    for server, weight in sorted(weights.items(), key=lambda item: -item[1]):
        backend.set(server, f"weight {weight}")
    compare(backend.servers(), weights)


def check(backend: Backend, shares: Mapping[str, int]) -> None:
    """Compare the weights, and the servers that should have traffic. Raises `TrafficError`."""
    servers = backend.servers()
    weights = wanted(servers, shares)
    compare(servers, weights)
    if down := [server.name for server in servers if weights.get(server.name) and not server.up]:
        msg = f"haproxy's checks of {' and '.join(down)} fail"
        raise TrafficError(msg)


def compare(servers: Sequence[Server], weights: Mapping[str, int]) -> None:
    """Raise `TrafficError` when servers have other weights."""
    now = {server.name: server.weight for server in servers if server.name in weights}
    if now != weights:
        msg = f"haproxy has weights {now} and not {weights}"
        raise TrafficError(msg)


def slot_and_share(text: str) -> tuple[str, int]:
    """Parse SLOT=SHARE."""
    name, _, number = text.partition("=")
    if not (name and number.isdecimal() and int(number) <= HIGHEST_WEIGHT):
        msg = f"{text!r} must look like blue=95, a slot and a share of 0 to {HIGHEST_WEIGHT}"
        raise argparse.ArgumentTypeError(msg)
    return name, int(number)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    description, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        "traffic", description=description, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("backend", metavar="BACKEND")
    parser.add_argument("shares", nargs="+", type=slot_and_share, metavar="SLOT=SHARE")
    parser.add_argument("--socket", default="/run/haproxy/admin.sock", help="haproxy's runtime socket (%(default)s)")
    parser.add_argument("--ready", metavar="SLOT", help="first wait until this slot, without traffic yet, is ready")
    parser.add_argument("--check", action="store_true", help="change nothing: compare")
    parser.add_argument("--within", default=60, type=float, metavar="SECONDS", help="time to wait (%(default)s)")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Share the traffic, or print in one sentence why not. Returns the exit status."""
    options = arguments(words)
    shares = dict(options.shares)
    backend = Backend(options.socket, options.backend)
    try:
        if options.ready:
            wait_until_ready(backend, options.ready, options.within)
        (check if options.check else share)(backend, shares)
    except TrafficError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command says why it fails
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
