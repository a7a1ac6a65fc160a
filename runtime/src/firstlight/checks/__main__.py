"""`python -m firstlight.checks`, the same as `python -m firstlight check`."""

import sys

from .command import run

if __name__ == "__main__":
    sys.exit(run())
