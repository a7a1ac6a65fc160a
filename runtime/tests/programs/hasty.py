"""Runs a service of these tests whose stop has little time: `hasty.py <module> [arguments]`.

As `python -m <package>` does: this module registers nothing with `atexit` before the service is imported.
"""

import os
import sys
from pathlib import Path

from firstlight import main
from firstlight.server import times

for name in ("LATE_SECONDS", "LAST_SECONDS", "LEAVE_SECONDS", "CLOSE_SECONDS"):
    setattr(times, name, float(os.environ.get(name, getattr(times, name))))

if __name__ == "__main__":
    tests = Path(__file__).parent.parent
    sys.path[:0] = [str(tests), str(tests / "programs")]
    sys.exit(main(sys.argv[1], sys.argv[2:]))
