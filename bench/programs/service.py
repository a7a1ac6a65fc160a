# mypy: disable-error-code="import-not-found"
"""The emitted service, by its own `main`."""

import sys

from acme_links.__main__ import main

from .additions import add

if __name__ == "__main__":
    add()
    sys.exit(main())
