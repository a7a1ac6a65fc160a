"""The service's own settings. A field `greeting` reads the environment variable `GREETING`."""

import firstlight


class Settings(firstlight.Settings):
    """Read from the environment once, at start. A bad value ends the start with one sentence and exit status 2."""
