"""Faults of the files that people write."""

from collections.abc import Iterable
from pathlib import Path


class FaultError(Exception):
    """What is wrong and what would be right, one sentence for each fault."""

    def __init__(self, file: Path, sentences: Iterable[str]) -> None:
        """Put the name of the file before each sentence."""
        super().__init__("\n".join(f"{file.name}: {sentence}" for sentence in sentences))
