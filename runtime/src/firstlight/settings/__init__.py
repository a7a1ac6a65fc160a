"""The settings of the service. They are read once from the environment, and cannot be changed."""

from .loading import AnySettings, load, load_for
from .objectives import FASTEST_BURN_RATE, can_alert, is_bucket
from .settings import DEVELOPMENT, Settings

__all__ = ["DEVELOPMENT", "FASTEST_BURN_RATE", "AnySettings", "Settings", "can_alert", "is_bucket", "load", "load_for"]
