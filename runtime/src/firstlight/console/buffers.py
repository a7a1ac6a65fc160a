"""What the process has recorded, in rings, from its first line on. The data plane, the log and the tracer fill them."""

from .exchanges import Exchanges
from .lines import Lines
from .spans import Spans


class Buffers:
    """The rings that are filled before the service is open."""

    def __init__(self) -> None:
        """Nothing is recorded yet."""
        self.exchanges = Exchanges()
        self.lines = Lines()
        self.spans = Spans()
