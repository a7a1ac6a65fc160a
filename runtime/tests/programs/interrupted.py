"""A service whose author presses Ctrl-C while it is imported."""

import signal

from firstlight import Identity, Service

signal.raise_signal(signal.SIGINT)
SERVICE = Service(identity=Identity(name="sample", version="1"))
