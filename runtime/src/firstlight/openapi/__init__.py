"""The OpenAPI document of a service, made from its operations, and the pages that show it.

`document(service)` returns the document as JSON objects. It depends on nothing but the service: two processes of one
release make the same document. `committed(service)` leaves operations of the library out.
"""

from .document import committed, document
from .encoding import encoded, indented

__all__ = ["committed", "document", "encoded", "indented"]
