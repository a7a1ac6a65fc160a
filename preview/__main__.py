"""`python -m preview`: exit status 0 when the pictures are drawn, 2 when a requirement is missing or wrong."""

import os
import signal
import sys
from pathlib import Path

from rich.console import Console

from demo.service import DemoError

from . import dashboards, pictures, rehearsal, tools
from .errors import PreviewError, UnfitError

BUILD = Path("build/preview")
DURATION = "900"
FAILED, UNFIT, INTERRUPTED, TERMINATED = 1, 2, 130, 143


def main() -> int:
    """Draw the dashboards from a rehearsal, and print the progress."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # ends started processes
    console = Console(highlight=False, soft_wrap=True)
    try:
        _preview(console)
    except UnfitError as error:
        console.print(str(error), markup=False)
        return UNFIT
    except (PreviewError, DemoError) as error:
        console.print(f"The preview stopped: {error}", markup=False)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _preview(console: Console) -> None:
    seconds = _duration()
    found = tools.find()
    for dashboard in dashboards.PICTURES:
        dashboards.check(dashboard)
    console.print(f"Preparing the page in {BUILD} ...")
    page = pictures.prepare(BUILD, found["npm"])
    minutes = (rehearsal.WARM_UP_SECONDS + seconds) / 60
    console.print(f"Generating a service, running it and sending it traffic for {minutes:.0f} minutes ...")
    with rehearsal.rehearse(BUILD, seconds) as recording:
        console.print("Drawing ...")
        pictures.photograph(page, found, recording, dashboards.PICTURES)
        for picture in dashboards.PICTURES.values():
            console.print(f"{picture.relative_to(dashboards.ROOT)}, {picture.stat().st_size // 1000} kB")


def _duration() -> float:
    given = os.environ.get("DURATION") or DURATION
    try:
        return float(given)
    except ValueError:
        msg = f"DURATION must be a number of seconds, such as {DURATION}, not {given!r}."
        raise UnfitError(msg) from None


if __name__ == "__main__":
    sys.exit(main())
