"""The causes of an error, as drivers and their adapters wrap them."""

from collections.abc import Iterator

DEPTH = 10  # of a chain; a longer one is a circle


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, that of SQLAlchemy's errors (`orig`) as well."""
    found: BaseException | None = error
    for _ in range(DEPTH):
        if found is None:
            return
        yield found
        found = getattr(found, "orig", None) or found.__cause__ or found.__context__
