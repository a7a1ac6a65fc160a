"""Posts with nested comments. The README of this example says how a service gets them."""

from . import comment_operations, operations
from .store import POSTS

OPERATIONS = (*operations.OPERATIONS, *comment_operations.OPERATIONS)

__all__ = ["OPERATIONS", "POSTS"]
