"""`python -m firstlight doctor`: how a service compares with its template. Builds on the checks of `make check`."""

from .command import run

__all__ = ["run"]
