"""An error in one line, for a field or a sentence."""

LONGEST_CHARACTERS = 2_000


def message(error: BaseException) -> str:
    """What the error says, cut; nothing where its class, which is somebody else's, cannot tell."""
    try:
        return str(error)[:LONGEST_CHARACTERS]
    except Exception:  # noqa: BLE001 - whatever `__str__` does
        return ""


def summary(error: BaseException) -> str:
    """Class and message."""
    name, text = type(error).__name__, message(error)
    return f"{name}: {text}" if text else name
