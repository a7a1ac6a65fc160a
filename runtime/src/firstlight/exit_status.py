"""The exit statuses of a service and of the library's commands. 0 is success, and a drain that cut nothing."""

FAILED = 1  # a command or process failed, or the stop had to cut work
BAD_USE = 2  # a bad setting, or a bad command line
FAILED_START = 3
READER_LEFT = 141  # 128 + SIGPIPE, as shells report it
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
TERMINATED = 143  # 128 + SIGTERM, as shells report it
