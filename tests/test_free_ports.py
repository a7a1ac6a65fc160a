"""The ports that tests give to processes and to clients."""

import socket

import pytest

from bench.ports import RANGE, free_port, refusing_port


def test_a_free_port_is_given_once_and_the_kernel_gives_it_to_nobody() -> None:
    """It can be listened on."""
    ports = [free_port() for _ in range(100)]

    assert len(set(ports)) == 100
    assert max(ports) < int(RANGE.read_text().split()[0])
    for port in ports[:3]:
        socket.create_server(("127.0.0.1", port)).close()


def test_a_refusing_port_refuses_and_is_taken_until_the_end() -> None:
    """No other server gets it."""
    with refusing_port() as port:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 10)
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port))
    socket.create_server(("127.0.0.1", port)).close()
