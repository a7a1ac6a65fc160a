"""How long each step of the stop may take, in seconds. docs/guides/limits.md has the table."""

RECORD_SECONDS = 1.0  # for requests that were cut at the graceful timeout to clean up and be recorded
END_SECONDS = 2.0  # for cancelled checks and background work to end
OPEN_SECONDS = 30.0  # for a component to open: it does not wait for its server
CLOSE_SECONDS = 2.0  # for a component to close
FLUSH_SECONDS = 2.0  # for each of spans, error reports and log lines
LEAVE_SECONDS = 3.0  # for threads, children and `atexit` handlers, when all else has ended

# After DRAIN_SECONDS and GRACEFUL_SECONDS, whatever hangs:
LATE_SECONDS = 6.5  # the watchdog sends what is left, and ends the process
LAST_SECONDS = 9.0  # a timer of the interpreter's ends it where not even the watchdog gets to run
LATE_FLUSH_SECONDS = 0.7  # for each of spans, error reports and log lines, from the watchdog
