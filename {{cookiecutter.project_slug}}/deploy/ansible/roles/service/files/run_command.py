#!/usr/bin/env python3
"""Run a command of a release to its end, and report the result to the journal, to Prometheus and on standard output.

    run-command --service acme-links --env staging --command prepare --within 600 -- podman run IMAGE ...

What it writes goes to the journal, as `<service>-<command>`. How it ended goes to the textfile collector of
node_exporter, where that is installed: command_last_run_success (1 or 0) and command_last_run_timestamp_seconds. When
it fails, its last lines are printed, and one sentence. Exit status 0 when it succeeded, 1 when not.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

LINES = 10  # are repeated when it fails
LINE_CHARACTERS = 1_000
SENTENCE_CHARACTERS = 300
# The same words in every file of this kind: node_exporter compares them.
METRICS = """\
# HELP command_last_run_success 1 when the last run of a command succeeded, 0 when it failed.
# TYPE command_last_run_success gauge
command_last_run_success{labels} {success:d}
# HELP command_last_run_timestamp_seconds When the last run of a command ended, in seconds since 1970.
# TYPE command_last_run_timestamp_seconds gauge
command_last_run_timestamp_seconds{labels} {now:.3f}
"""
# Exit statuses that mean the same whatever the command was: those of `timeout`, of the shell and of firstlight.
TIMED_OUT, KILLED = 124, 137


def run(command: Sequence[str], tag: str, seconds: int) -> tuple[int, list[str]]:
    """Run it, for so long at most, and copy its lines to the journal: its exit status, and the last lines."""
    last: deque[str] = deque(maxlen=LINES)
    # Found on the path, which is root's: as what runs is given, so is who may give it.
    copy = ["systemd-cat", f"--identifier={tag}"]
    limited = ["timeout", str(seconds), *command]
    with (
        subprocess.Popen(copy, stdin=subprocess.PIPE, bufsize=0) as journal,  # noqa: S603
        subprocess.Popen(limited, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child,  # noqa: S603
    ):
        assert child.stdout
        assert journal.stdin
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        for line in child.stdout:
            last.append(line.decode(errors="replace").rstrip())
            with contextlib.suppress(BrokenPipeError):  # a journal that is gone is no failure of the command
                journal.stdin.write(line)
        status = child.wait()
    return status if status >= 0 else 128 - status, list(last)  # one that a signal ended, as a shell tells it


def reason(status: int, last: Sequence[str], seconds: int) -> str:
    """Say in half a sentence why it failed: by its event, else by its exit status and the last line."""
    if status == TIMED_OUT:
        return f"was not done within {seconds} s"
    for line in reversed(last):
        with contextlib.suppress(ValueError, AttributeError):
            event = json.loads(line)
            if event.get("event") == "command.failed":
                return f"failed: {(event.get('exception') or event.get('reason') or line).splitlines()[0]}"
    killed = ", as one that is killed: is its memory enough?" if status == KILLED else ""
    ended = f"ended with status {status}{killed}"
    return f"{ended}; it said last: {last[-1]}" if last else f"{ended}, and said nothing"


def record(directory: Path, labels: dict[str, str], *, success: bool) -> None:
    """Tell Prometheus, in one step: the collector never reads half a file."""
    if not directory.is_dir():
        return
    name = f"{labels['service']}-{labels['command']}"
    written = directory / f".{name}.{os.getpid()}"
    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
    written.write_text(METRICS.format(labels=f"{{{text}}}", success=success, now=time.time()), encoding="utf-8")
    written.chmod(0o644)
    written.replace(directory / f"{name}.prom")


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line, up to `--`."""
    description, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        "run-command", description=description, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for option in ("service", "env", "command"):
        parser.add_argument(f"--{option}", required=True, help="a label of the metrics")
    parser.add_argument("--within", required=True, type=int, metavar="SECONDS", help="it is stopped after so long")
    parser.add_argument("--textfiles", default="", metavar="DIRECTORY", help="of node_exporter; nothing for nowhere")
    parser.add_argument("run", nargs="+", metavar="-- COMMAND", help="what to run")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run it, record how it ended, and say why when it failed."""
    options = arguments(words)
    labels = {"service": options.service, "env": options.env, "command": options.command}
    status, last = run(options.run, f"{options.service}-{options.command}", options.within)
    if options.textfiles:
        try:
            record(Path(options.textfiles), labels, success=status == 0)
        except OSError as error:
            print(f"Prometheus is not told: {error}", file=sys.stderr)  # noqa: T201 - for whoever waits
    if status == 0:
        return 0
    for line in last:
        print(line[:LINE_CHARACTERS])  # noqa: T201
    sentence = reason(status, last, options.within)
    print(f"the command {options.command} {sentence}"[:SENTENCE_CHARACTERS])  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
