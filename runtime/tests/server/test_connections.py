"""Who owes what since when: deadlines in the order of time, and who gives way."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from firstlight.server import connections
from firstlight.server.connections import Connections
from firstlight.server.limits import Limits

from .wires import Wired

DEADLINE = 0.02
LIMITS = Limits(
    max_head_bytes=1024,
    max_connections=2,
    head_seconds=DEADLINE,
    body_seconds=DEADLINE,
    write_seconds=DEADLINE,
    keep_alive_seconds=DEADLINE,
    max_ending=2,
)


class Client:
    """Remembers how it was ended."""

    progresses = False

    def __init__(self, leaves: "Callable[[Client], None] | None" = None) -> None:
        """Still there."""
        self.ended: list[str] = []
        self.leaves = leaves

    def refuse(self, reason: str) -> None:
        """Refused: it may read why."""
        self.ended.append(reason)
        if self.leaves:
            self.leaves(self)

    def evict(self, reason: str) -> None:
        """Given up."""
        self.ended.append(f"evicted {reason}".strip())

    def has_progressed(self, _: str) -> bool:
        """As the test says."""
        return self.progresses


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at deadlines all the time."""
    monkeypatch.setattr(connections, "SWEEP_SECONDS", 0.001)


def run(test: Callable[[], Awaitable[None]]) -> None:
    """In the loop of the server, which looks at timers before it reads."""

    async def talk() -> None:
        await test()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(talk())


def test_the_loop_reads_before_a_deadline_is_judged() -> None:
    """A client that sent its head while the loop was blocked has sent it in time."""

    async def test() -> None:
        open_ = Connections(LIMITS)
        silent, prompt = Client(), Client()
        open_.open(silent)
        open_.open(prompt)
        ours, theirs = socket.socketpair()

        def received() -> None:
            ours.recv(1)
            open_.heads.end(prompt)

        def block() -> None:
            theirs.recv(1)
            theirs.send(b"x")
            time.sleep(5 * DEADLINE)

        asyncio.get_running_loop().add_reader(ours, received)
        asyncio.get_running_loop().add_reader(theirs, block)
        ours.send(b"x")
        await asyncio.sleep(8 * DEADLINE)
        assert silent.ended == ["head_timeout"]
        assert prompt.ended == []
        asyncio.get_running_loop().remove_reader(ours)
        asyncio.get_running_loop().remove_reader(theirs)
        ours.close()
        theirs.close()
        for client in (silent, prompt):
            open_.close(client)

    run(test)


def test_who_makes_progress_is_not_cut() -> None:
    """It is asked once in each period, and cut in the first one without."""

    async def test() -> None:
        open_, client = Connections(LIMITS), Client()
        open_.open(client)
        open_.heads.end(client)
        client.progresses = True
        open_.reads.begin(client)
        await asyncio.sleep(4 * DEADLINE)
        assert client.ended == []
        client.progresses = False
        await asyncio.sleep(4 * DEADLINE)
        assert client.ended == ["write_timeout"]
        open_.close(client)

    run(test)


def test_newcomers_without_a_place_do_not_pile_up() -> None:
    """Each may read why it was refused, until there are too many of them."""

    async def test() -> None:
        open_ = Connections(LIMITS)
        busy, refused = [Client(), Client()], [Client(open_.end) for _ in range(5)]
        for client in busy:
            open_.open(client)
            open_.heads.end(client)
        for client in refused:
            open_.open(client)
        assert [client.ended for client in busy] == [[], []]
        assert all(client.ended[0] == "too_many_connections" for client in refused)
        assert len(open_) <= LIMITS.max_connections + LIMITS.max_ending + 1
        assert [client.ended[1:] for client in refused][:2] == [["evicted"], ["evicted"]]
        for client in (*busy, *refused):
            open_.close(client)

    run(test)


def test_clients_that_have_their_last_response_do_not_pile_up() -> None:
    """Also where no new client is refused."""

    async def test() -> None:
        open_ = Connections(LIMITS)
        clients = [Client() for _ in range(5)]
        for client in clients:
            open_.adopt(client)
            open_.end(client)
        assert [client.ended for client in clients] == [["evicted"]] * 3 + [[]] * 2
        assert len(open_.ending) == LIMITS.max_ending
        for client in clients:
            open_.close(client)

    run(test)


def test_a_refused_client_is_read_for_a_while_and_then_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it has sent too much."""
    from firstlight.server import refusing  # noqa: PLC0415 - to be changed

    monkeypatch.setattr(refusing, "MAX_DISCARDED_BYTES", 10_000)

    async def test() -> None:
        wired = Wired()
        answer = await wired.send(b"GARBAGE\r\n\r\n", b"x" * 9_000)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert (wired.transport.eof, wired.transport.closed) == (True, False)
        wired.protocol.data_received(b"x")
        reading = [wired.transport.reading]
        await wired.until(lambda: wired.transport.reading)
        assert [*reading, wired.transport.reading] == [False, True]  # others have their turn
        await wired.send(b"x" * 2_000)
        assert wired.transport.aborted
        wired.close()

    run(test)


def test_a_client_makes_progress_when_less_is_unread() -> None:
    """And nothing else it does counts as reading."""

    async def test() -> None:
        wired = Wired()
        wired.transport.unread = 100_000
        wired.protocol.pause_writing()
        progress = []
        for unread in (100_000, 60_000, 60_000):
            wired.transport.unread = unread
            progress.append(wired.protocol.has_progressed("write_timeout"))
        assert progress == [False, True, False]
        wired.close()

    run(test)


def test_after_a_piece_of_a_chunked_body_others_have_their_turn() -> None:
    """Nothing more is read of it until then."""

    async def test() -> None:
        wired = Wired()
        head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        wired.protocol.data_received(head + b"1\r\nx\r\n" * 4000)
        reading = [wired.transport.reading]
        await wired.until(lambda: wired.transport.reading)
        assert [*reading, wired.transport.reading] == [False, True]
        assert b"x" * 4000 in await wired.send(b"0\r\n\r\n")
        wired.close()

    run(test)
