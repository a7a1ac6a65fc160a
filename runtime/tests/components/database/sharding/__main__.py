"""`python -m <package>`: the service and its commands."""

import sys

from firstlight import main

from .service import SERVICE

sys.exit(main(SERVICE))
