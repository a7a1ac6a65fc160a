"""What is wrong with the address of a server."""


class AddressError(ValueError):
    """A URL that cannot be used. The text says what it must be, and has no part of the URL that may be secret."""
