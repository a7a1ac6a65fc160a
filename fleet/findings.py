"""What `make doctor` of a service finds. This runs the service's own code and installs its environment."""

import json
import subprocess

from .checkouts import Checkout

COMMAND = ("make", "--silent", "doctor", "JSON=1", "ARGS=--offline")
SECONDS = 600
UNKNOWN = "?"


def count(checkout: Checkout) -> str:
    """The number of findings by kind, `none`, or `?` for a service whose doctor does not answer."""
    try:
        done = subprocess.run(COMMAND, cwd=checkout.path, capture_output=True, text=True, check=False, timeout=SECONDS)
        findings = json.loads(done.stdout)["findings"]
        kinds = [str(finding["kind"]) for finding in findings]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return UNKNOWN
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)) or "none"
