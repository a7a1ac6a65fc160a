# mypy: disable-error-code="import-not-found"
"""The emitted service, by its own `main`."""

import sys

from firstlight import main

from .additions import SERVICE

if __name__ == "__main__":
    sys.exit(main(SERVICE))
