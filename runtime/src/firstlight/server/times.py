"""The limits of the steps of the stop, in seconds. docs/guides/limits.md has the table."""

RECORD_SECONDS = 1.0  # for requests that were cut at the graceful timeout: clean up, and be recorded
END_SECONDS = 2.0  # for the end of cancelled checks and background work
OPEN_SECONDS = 30.0  # for a component to open, which must not wait for its server
CLOSE_SECONDS = 2.0  # for a component to close
FLUSH_SECONDS = 2.0  # for each of spans, error reports and log lines
LEAVE_SECONDS = 3.0  # for threads, children and `atexit` handlers at the very end

# Counted from the end of DRAIN_SECONDS and GRACEFUL_SECONDS, also when something hangs:
LATE_SECONDS = 6.5  # the watchdog sends the remaining telemetry, and ends the process
LAST_SECONDS = 9.0  # a timer of `faulthandler` ends the process if the watchdog cannot run
LATE_FLUSH_SECONDS = 0.7  # for each of spans, error reports and log lines, from the watchdog
