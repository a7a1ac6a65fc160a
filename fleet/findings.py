"""What `make doctor` of a service finds. This runs the service's own code and installs its environment."""

import json
import subprocess

from .checkouts import Checkout

COMMAND = ("make", "--silent", "doctor", "JSON=1", "ARGS=--offline")
SECONDS = 600
UNKNOWN = "?"


def ask(checkout: Checkout) -> tuple[str, str]:
    """The number of findings by kind, or `none`; `?` and the reason for a service whose doctor does not answer."""
    try:
        done = subprocess.run(
            COMMAND, cwd=checkout.path, capture_output=True, text=True, errors="replace", check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return UNKNOWN, f"it did not end within {SECONDS} s"
    except OSError as error:
        return UNKNOWN, str(error)
    try:
        kinds = [str(finding["kind"]) for finding in json.loads(done.stdout)["findings"]]
    except (ValueError, KeyError, TypeError):
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip() and not line.startswith("make")]
        return UNKNOWN, (lines or [f"`make doctor` ended with status {done.returncode}"])[-1]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)) or "none", ""
