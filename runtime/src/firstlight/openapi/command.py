"""`python -m firstlight openapi <package>`: prints the OpenAPI document of a service. `make openapi` writes it.

The settings are not read: the document depends on the code of the service only.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ..arrangement import verify
from ..errors import ArrangementError
from ..exit_status import BAD_USE
from ..standard_output import standard_output
from .document import committed, document
from .encoding import indented

if TYPE_CHECKING:
    from ..service import Service


def run(arguments: Sequence[str]) -> int:
    """Exit status 0, or 2 for a service that does not start, a file that cannot be written, or bad use."""
    try:
        options = _parser().parse_args(arguments)
        service: Service = import_module(f"{options.package}.service").SERVICE
        verify(service)
        text = indented((document if options.write is None else committed)(service))
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    except ImportError as error:
        return _refuse(f"{options.package} must be the package of the service, with a service.py: {error}")
    except ArrangementError as error:
        return _refuse(str(error))
    if options.write is None:
        with standard_output() as output:
            output.buffer.write(text.encode())
        return 0
    try:
        _replace(options.write, text)
    except OSError as error:
        return _refuse(f"{options.write} cannot be written: {error.strerror}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m firstlight openapi", description="Print the OpenAPI document.")
    parser.add_argument("package", help="the package of the service, such as acme_links")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write it to this file, and print nothing")
    return parser


def _replace(file: Path, text: str) -> None:
    """Write the whole file or nothing."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, "utf-8")
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return BAD_USE
