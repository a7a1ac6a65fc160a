"""Decides whether a value under a secret name is the secret, or describes it: a count, a flag, a sentence."""

import re

from .secret_names import Kind

_NOTHING = frozenset(
    """
    none null nil undefined unset nothing n/a na true false yes no on off redacted [redacted] <redacted> filtered
    basic bearer digest negotiate ntlm ldap oauth oauth2 oidc saml kerberos totp sms
    [filtered] masked hidden <hidden> <unset> <none> <set> set empty {} [] () - -- ...
    """.split()  # noqa: SIM905 - sixty quotes would hide the words
)
# Words about a secret: its state, its kind, the type of a field.
_STATES = (
    *("absent", "accepted", "active", "added", "allowed", "anonymous", "approved", "available", "bad", "bounced"),
    *("cannot", "changed", "changing", "checked", "cleared", "created", "declined", "deleted", "delivered", "denied"),
    *(
        "disabled",
        "down",
        "enabled",
        "error",
        "exists",
        "expired",
        "expires",
        "failed",
        "failure",
        "found",
        "generated",
    ),
    *("granted", "ignored", "inactive", "incorrect", "invalid", "issued", "issuing", "locked", "loaded", "malformed"),
    *("matched", "mismatch", "missing", "mounted", "must", "needed", "not", "ok", "opened", "optional", "passed"),
    *("pending", "present", "queued", "refreshed", "refused", "rejected", "removed", "renewed", "required", "reset"),
    *("revoked", "rotated", "rotating", "sent", "set", "skipped", "stale", "started", "success", "succeeded"),
    *("sending", "closed", "created", "unavailable", "unchanged", "unknown", "unverified", "up", "updated", "used"),
    *("valid", "verified", "wrong", "minimum", "maximum", "low", "high"),
    *("str", "string", "bytes", "int", "integer", "bool", "boolean", "float", "number", "object", "text", "optional"),
    *("secretstr", "any", "varchar", "array", "list", "dict"),
)
_SAID = re.compile(
    rf"""(?ix)
    (?: {"|".join(sorted(set(_STATES), key=len, reverse=True))} ) (?= $ | [\s;!)\]|] | [.,:] (?: \s | $ ) )
    | (?: must | should | may | can | could | does | do | did | will | would | has | have | had | is | are | was | were
      | too | needs? | this\ field | this\ value | (?: string | value | input | field ) \ (?: should | must | required )
      | at\ least | at\ most | ensure\ (?: this | that ) | enter\ an? | please )
      \ (?= [a-z]+ (?: $ | [\s.,;:!] ) )
    """
)
_NUMBER = re.compile(r"[+-]?\d[\d,._]*+%?")
_MEASURE = re.compile(r"[+-]?\d[\d.]*+ ?(?:ns|us|ms|s|m|h|d|w|min|sec|kb|mb|gb|%)", re.IGNORECASE)
_NUMBERS = re.compile(r"[\s\d,.:+\-\[\](){}]*+")
_OBJECT = re.compile(r"<[\w. ]{1,128}? at 0x[0-9a-f]+>")
_CODE = re.compile(
    r"(?:self|cls|settings|config|request|args|os|kwargs|response)[.\[]"
    r"|(?:await |async )?(?:[a-z_]+\.)*(?:get|load|read|make|create|build|decode|encode|verify|parse|fetch)\w*\("
    r"|(?:[A-Za-z_]+\.)*[A-Za-z_]+\(\)|await "
)
_WORD = re.compile(r"[A-Za-z][a-z]*+'?+[a-z]*+(?=[,.]? +[A-Za-z0-9(<'\"]|[,.] )")
_LONGEST_NOTHING = 16
_WORD_ALONE = re.compile(r"[a-z]{1,12}")  # `session=morning`: the id of a session is longer, or has digits


def is_shown(value: str, kind: Kind) -> bool:
    """Whether the text may be shown: empty, a flag, a number that is not a secret, or words about one."""
    short = value.strip()
    if len(short) <= _LONGEST_NOTHING and (not short.strip("*.•") or short.lower() in _NOTHING):
        return True
    if (number := _NUMBER.fullmatch(short)) is not None:
        return is_number_shown(sum(map(str.isdigit, number[0])), kind)
    if kind.kind == "session" and _WORD_ALONE.fullmatch(short) is not None:
        return True
    if kind.digits > 1 and _MEASURE.fullmatch(short) is not None:
        return True
    return _SAID.match(short) is not None or _OBJECT.fullmatch(short) is not None


def is_number_shown(digits: int, kind: Kind) -> bool:
    """Whether a number of so many digits is a count."""
    return digits < kind.digits


def are_numbers(text: str, start: int, end: int) -> bool:
    """Whether there is nothing but numbers."""
    found = _NUMBERS.match(text, start, end)
    return found is not None and found.end() == end


def is_sentence(text: str, start: int, kind: Kind) -> bool:
    """Whether words of a sentence begin here, after `name: `."""
    return kind.prose and _WORD.match(text, start) is not None


def is_said(text: str, start: int) -> bool:
    """Whether something is said about a secret here."""
    return _SAID.match(text, start) is not None


def is_directory(name: str, value: str) -> bool:
    """Whether this is `PWD` of a shell, which is a directory and not a password."""
    return name.lower() in ("pwd", "oldpwd") and value.startswith(("/", "~"))


def is_code(text: str, start: int) -> bool:
    """Whether an expression begins here that fetches the value: a line of a traceback's source."""
    return _CODE.match(text, start) is not None
