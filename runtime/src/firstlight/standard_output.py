"""Standard output of commands. Its reader may leave before the end, such as `head`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from .exit_status import READER_LEFT


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """The stream to print to.

    Raises `SystemExit` with status 141 when the reader has left, so that the command ends without a message.
    """
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes the stream at its end, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(READER_LEFT) from None
