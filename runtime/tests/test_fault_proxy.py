"""The proxy that breaks connections on purpose."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from firstlight.testing.process import TIMEOUT_SECONDS

from .fault_proxy import FaultProxy
from .peers import wait_until


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(65_536):
                connection.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],)).start()

    thread = threading.Thread(target=accept)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(TIMEOUT_SECONDS)


@pytest.fixture
def proxy(echo: int) -> Iterator[FaultProxy]:
    """A proxy that forwards to it."""
    with FaultProxy(echo) as proxy:
        yield proxy


@pytest.fixture
def connect(proxy: FaultProxy) -> Iterator[Callable[[], socket.socket]]:
    """A function that connects a client through the proxy."""
    clients: list[socket.socket] = []

    def connected() -> socket.socket:
        clients.append(socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT_SECONDS))
        return clients[-1]

    yield connected
    for client in clients:
        client.close()


Connect = Callable[[], socket.socket]


def says(client: socket.socket, data: bytes = b"hello") -> bytes:
    """What comes back."""
    client.sendall(data)
    return received(client, len(data))


def received(client: socket.socket, size: int) -> bytes:
    """The next `size` bytes, or fewer if the connection ends."""
    data = b""
    while len(data) < size and (more := client.recv(size - len(data))):
        data += more
    return data


def test_it_forwards(proxy: FaultProxy, connect: Connect) -> None:
    """Every byte in both directions, and the end of the connection."""
    client, data = connect(), bytes(range(256)) * 4096

    threading.Thread(target=client.sendall, args=(data,)).start()
    came_back = received(client, len(data))
    client.shutdown(socket.SHUT_WR)

    assert came_back == data
    assert client.recv(1) == b""
    assert proxy.connections == 1
    wait_until(lambda: proxy.current == 0)


def test_it_refuses(proxy: FaultProxy, connect: Connect) -> None:
    """New connections are refused, current ones are reset. After `restore`, both are as before."""
    current = connect()
    says(current)

    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        current.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect()
    proxy.restore()

    assert says(connect()) == b"hello"


def test_it_hangs(proxy: FaultProxy, connect: Connect) -> None:
    """Connections succeed, and nothing arrives before `restore`: then what was sent in between does."""
    current = connect()
    says(current)

    proxy.hang()
    clients = (current, connect())
    for client in clients:
        client.sendall(b"hello")
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv(1)
    proxy.restore()

    for client in clients:
        client.settimeout(TIMEOUT_SECONDS)
        assert received(client, 5) == b"hello"


@pytest.mark.parametrize("direction", ["to_server", "to_client"])
def test_it_is_slow(direction: str, proxy: FaultProxy, connect: Connect) -> None:
    """Each direction has its delay, until `restore`."""
    client = connect()

    proxy.slow(**{direction: 0.05})
    began = time.monotonic()
    says(client)
    took = time.monotonic() - began
    proxy.restore()

    assert 0.05 <= took < 5


def test_it_resets(proxy: FaultProxy, connect: Connect) -> None:
    """The connections of now end; the next one is forwarded."""
    first, second = connect(), connect()
    says(first)
    says(second)

    proxy.reset()

    for client in (first, second):
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert says(connect()) == b"hello"


def test_it_flaps(proxy: FaultProxy, connect: Connect) -> None:
    """It is down and up several times, until `restore`."""
    states: list[bool] = []

    def changed() -> bool:
        try:
            connect()
        except OSError:
            up = False
        else:
            up = True
        if states[-1:] != [up]:
            states.append(up)
        return len(states) > 4

    proxy.flap(up=0.03, down=0.03)
    wait_until(changed)
    proxy.restore()

    assert states == [False, True, False, True, False]
    assert says(connect()) == b"hello"


def test_a_target_that_is_down_resets_the_client(connect: Connect, proxy: FaultProxy) -> None:
    """The client sees no connection that stays open without a server."""
    with FaultProxy(target_port=proxy.port) as outer:
        proxy.refuse()
        with pytest.raises(ConnectionResetError):  # already in the call that connects, if the proxy is that quick
            first_byte(outer.port)
        proxy.restore()
    assert says(connect()) == b"hello"


def first_byte(port: int) -> bytes:
    """What a client gets that says nothing."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS) as client:
        return client.recv(1)
