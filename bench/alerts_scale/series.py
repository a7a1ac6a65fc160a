"""One generated series, and the TSDB blocks that hold many."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MINUTE, HOUR, DAY = 60, 3600, 86400
BLOCK = 162 * HOUR  # a duration Prometheus aligns blocks to


@dataclass(frozen=True)
class Series:
    """One series: its name with labels, how far back it goes, its step, and its slope (counter) or level (gauge)."""

    name: str
    seconds: int
    step: int
    value: float
    counter: bool = False
    until: int = 0

    def lines(self, end: int, window: range) -> str:
        """The samples of this series inside the window, as OpenMetrics text."""
        first = max(end - self.until - self.seconds, window.start)
        last = min(end - self.until, window.stop - 1)
        times = range(-(-first // self.step) * self.step, last + 1, self.step)
        if not times:
            return ""
        start = end - self.until - self.seconds
        if self.counter:
            return self.name + self.name.join([f" {self.value * (at - start):.1f} {at}\n" for at in times])
        # A level that wanders a little, so that it does not compress to nothing.
        return self.name + self.name.join(
            [f" {self.value * (1 + at // self.step * 37 % 101 / 1000):.5f} {at}\n" for at in times]
        )


def write_blocks(directory: Path, end: int, series: Iterable[Series]) -> None:
    """Turn the series into TSDB blocks that do not overlap, one file and one promtool run per block."""
    kept = list(series)
    begin = end - 31 * DAY
    for start in range(begin // BLOCK * BLOCK, end + 1, BLOCK):
        text = directory / "block.om"
        window = range(start, start + BLOCK)
        with text.open("w", encoding="ascii", buffering=1 << 22) as file:
            file.writelines(one.lines(end, window) for one in kept)
            file.write("# EOF\n")
        command = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=162h", "openmetrics", "-q"]
        subprocess.run([*command, str(text), str(directory / "data")], check=True)
        text.unlink()
