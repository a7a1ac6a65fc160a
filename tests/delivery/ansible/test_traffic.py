"""The errors of `traffic`. The deploys to a host test it with a real haproxy."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from template import ROOT, SERVICE_DIRECTORY

TRAFFIC = ROOT / SERVICE_DIRECTORY / "deploy/ansible/roles/service/files/traffic.py"


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["acme", "blue=95", "--socket", "/nowhere"], 1, "haproxy does not answer at /nowhere: [Errno 2] No such file"),
        (["acme", "blue"], 2, "'blue' must look like blue=95, a slot and a share of 0 to 256"),
        (["acme", "blue=257"], 2, "'blue=257' must look like blue=95, a slot and a share of 0 to 256"),
        (["acme"], 2, "the following arguments are required: SLOT=SHARE"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], status: int, sentence: str) -> None:
    """With an exit status that stops the deploy."""
    command = [sys.executable, "-I", str(TRAFFIC), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)

    assert done.returncode == status
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


HEADER = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight\n"
BLUE_0, GREEN_100 = "1 acme 1 blue-1 127.0.0.1 2 0 0\n", "1 acme 2 green-1 127.0.0.1 2 0 100\n"


@pytest.mark.parametrize(
    ("servers", "sentence"),
    [
        (BLUE_0 + GREEN_100, ""),
        (BLUE_0.replace(" 2 0 0", " 0 0 0") + GREEN_100, ""),
        (BLUE_0 + GREEN_100.replace(" 2 0 100", " 0 0 100"), "haproxy's checks of green-1 fail"),
        (
            BLUE_0.replace(" 0\n", " 100\n") + GREEN_100.replace(" 100\n", " 0\n"),
            "haproxy has weights {'blue-1': 100, 'green-1': 0} and not {'blue-1': 0, 'green-1': 100}",
        ),
    ],
    ids=["as it should be", "the idle slot is down", "the active slot is down", "the other slot"],
)
def test_check_compares_and_changes_nothing(tmp_path: Path, servers: str, sentence: str) -> None:
    """A host that was rebooted while it waited for the other hosts has the old weights."""
    path, asked = tmp_path / "socket", []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                asked.append(connection.recv(1024))
                connection.sendall((HEADER + servers).encode())

        thread = threading.Thread(target=serve)
        thread.start()
        words = ["acme", "green=100", "blue=0", "--check", "--socket", str(path)]
        done = subprocess.run(
            [sys.executable, "-I", str(TRAFFIC), *words], capture_output=True, text=True, check=False, timeout=30
        )
        thread.join()

    assert done.stderr.strip() == sentence
    assert done.returncode == bool(sentence)
    assert asked == [b"show servers state acme\n"]
