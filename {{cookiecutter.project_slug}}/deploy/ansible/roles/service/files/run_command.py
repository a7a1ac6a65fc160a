#!/usr/bin/env python3
"""Run a command of a release to its end, and report the result to the journal, to Prometheus and on standard output.

    run-command --service acme-links --env staging --command prepare --within 600 -- podman run IMAGE ...

The command's output goes to the journal, as `<service>-<command>`. The result goes to the textfile collector of
node_exporter, where that is installed: command_last_run_success (1 or 0) and command_last_run_timestamp_seconds. When
the command fails, its last lines and one sentence are printed. Exit status 0 when it succeeded, 1 when not.
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

LINES = 10  # of the output, repeated when the command fails
LINE_CHARACTERS = 1_000
SENTENCE_CHARACTERS = 300
# The help texts must be equal in all files, because node_exporter compares them.
METRICS = """\
# HELP command_last_run_success 1 when the last run of a command succeeded, 0 when it failed.
# TYPE command_last_run_success gauge
command_last_run_success{labels} {success:d}
# HELP command_last_run_timestamp_seconds When the last run of a command ended, in seconds since 1970.
# TYPE command_last_run_timestamp_seconds gauge
command_last_run_timestamp_seconds{labels} {now:.3f}
"""
# Exit statuses of `timeout`, and of a process that SIGKILL ended, as a shell reports it.
TIMED_OUT, KILLED = 124, 137


def run(command: Sequence[str], tag: str, seconds: int) -> tuple[int, list[str]]:
    """Run the command for at most `seconds`, and copy its output to the journal. Returns its status and last lines."""
    last: deque[str] = deque(maxlen=LINES)
    # systemd-cat and timeout are found on root's path.
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
            with contextlib.suppress(BrokenPipeError):  # without a journal the command goes on
                journal.stdin.write(line)
        status = child.wait()
    return status if status >= 0 else 128 - status, list(last)  # a signal, as a shell reports it


def reason(status: int, last: Sequence[str], seconds: int) -> str:
    """Why it failed, as the end of a sentence: from its event, else from its exit status and last line."""
    if status == TIMED_OUT:
        return f"did not end within {seconds} s"
    for line in reversed(last):
        with contextlib.suppress(ValueError, AttributeError):
            event = json.loads(line)
            if event.get("event") == "command.failed":
                return f"failed: {(event.get('exception') or event.get('reason') or line).splitlines()[0]}"
    killed = " (killed, perhaps at its memory limit)" if status == KILLED else ""
    ended = f"ended with status {status}{killed}"
    return f"{ended}; its last line was: {last[-1]}" if last else f"{ended} without any output"


def record(directory: Path, labels: dict[str, str], *, success: bool) -> None:
    """Write the result for Prometheus, with a rename, so that node_exporter never reads a part of a file."""
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
    parser.add_argument("--within", required=True, type=int, metavar="SECONDS", help="limit, then it is stopped")
    parser.add_argument("--textfiles", default="", metavar="DIRECTORY", help="of node_exporter; empty: none")
    parser.add_argument("run", nargs="+", metavar="-- COMMAND", help="what to run")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command, record its result, and print why it failed. Returns the exit status."""
    options = arguments(words)
    labels = {"service": options.service, "env": options.env, "command": options.command}
    status, last = run(options.run, f"{options.service}-{options.command}", options.within)
    if options.textfiles:
        try:
            record(Path(options.textfiles), labels, success=status == 0)
        except OSError as error:
            print(f"The result is not written for Prometheus: {error}", file=sys.stderr)  # noqa: T201
    if status == 0:
        return 0
    for line in last:
        print(line[:LINE_CHARACTERS])  # noqa: T201
    sentence = reason(status, last, options.within)
    print(f"the command {options.command} {sentence}"[:SENTENCE_CHARACTERS])  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
