"""The settings of this service, beside those that every service has. A field `greeting` is the variable `GREETING`."""

import firstlight


class Settings(firstlight.Settings):
    """Read from the environment once, at the start. A bad value stops it with one sentence."""
