"""Limits on the length of telemetry. Longer text is cut and gets a marker.

All limits are in bytes of UTF-8, and include the marker.
"""

TEXT_BYTES = 8 * 1024  # one text value
TRACE_BYTES = 16 * 1024  # a traceback or a stack
KEY_BYTES = 128
MEMBERS = 100  # of one collection, and fields of one line
LINE_BYTES = 64 * 1024

_LONGEST_CHARACTER = 4  # bytes
_WORD = 256  # characters; a word that is not longer is cut as a whole, since half a URL hides what its other half is


def cut(text: str, limit: int = TEXT_BYTES) -> str:
    """The text if it fits into `limit` bytes (at least 64), else its beginning and the number of missing bytes."""
    if type(text) is not str:
        text = str.__str__(text)
    if _fits(text, limit):
        return text
    kept = _head(text, limit - len(_marker(text, "")))
    word = max(kept.rfind(" "), kept.rfind("\n"))
    if word >= len(kept) - _WORD and word > len(kept) // 2:
        kept = kept[: word + 1]
    return kept + _marker(text, kept)


def cut_middle(text: str, limit: int = TRACE_BYTES) -> str:
    """The text if it fits into `limit` bytes, else its two ends with the number of missing bytes between them."""
    if _fits(text, limit):
        return text
    space = limit - len(_marker(text, "")) - 2
    half = space // 2
    first, last = _head(text, half), _head(text[-half:][::-1], half)[::-1]
    return f"{first}\n{_marker(text, first + last)}\n{last}"


def _fits(text: str, limit: int) -> bool:
    size = len(text)
    if size * _LONGEST_CHARACTER <= limit:
        return True
    if size > limit:
        return False
    return text.isascii() or len(text.encode(errors="surrogatepass")) <= limit


def _head(text: str, limit: int) -> str:
    head = text[: max(limit, 0)]
    if head.isascii():
        return head
    return head.encode(errors="replace")[: max(limit, 0)].decode(errors="ignore")


def _marker(text: str, kept: str) -> str:
    return f"...[cut {len(text) - len(kept)} characters]"
