"""An error as one line of text, for a log field or a sentence."""

LONGEST_CHARACTERS = 2_000


def message(error: BaseException) -> str:
    """The text of the error, cut to a maximum length. Empty if `__str__` of its class raises."""
    try:
        return str(error)[:LONGEST_CHARACTERS]
    except Exception:  # noqa: BLE001 - `__str__` of any class may raise anything
        return ""


def summary(error: BaseException) -> str:
    """The class name and the text of the error."""
    name, text = type(error).__name__, message(error)
    return f"{name}: {text}" if text else name
