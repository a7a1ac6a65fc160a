"""How each row is made to fail: its mend is reverted, in the service's copy of the library or by a setting.

`python -m faults --revert` applies one after the other and runs its row, which must fail.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LIBRARY = Path("vendor/firstlight/src/firstlight")
FOR_EVER = "3600"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """One reverted mend."""

    rows: Sequence[str]
    what: str
    """Without it, in words: `no limit on the size of a head`."""
    edits: Sequence[tuple[str, str, str]] = ()
    """Module of the library, old text, new text."""
    settings: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def applied(revert: Revert, directory: Path) -> Iterator[None]:
    """Edit the library of a service for the length of a block. Raises `LookupError` where it has changed."""
    before: dict[Path, str] = {}
    try:
        for module, old, new in revert.edits:
            path = directory / LIBRARY / module
            text = path.read_text("utf-8")
            before.setdefault(path, text)
            if old not in text:
                msg = f"{module} does not hold {old!r}: the reverts of `make fault-test` have to follow it."
                raise LookupError(msg)
            _write(path, text.replace(old, new))
        yield
    finally:
        for path, text in before.items():
            _write(path, text)


def _write(path: Path, text: str) -> None:
    """Without what was compiled: it counts as fresh within a second."""
    path.write_text(text, "utf-8")
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()
