"""Finds names whose values are secrets or personal data by the words of the name: a table, and a team's additions.

`docs/guides/redaction.md` has the same table, and a test compares both.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

_NEVER = 10**6


class Kind(NamedTuple):
    """Names of one kind. Numbers with at least `digits` digits are hidden. `prose`: the name may precede a sentence."""

    kind: str
    words: tuple[str, ...]
    digits: int
    prose: bool = False


_KEYS = (
    *("api key", "access key", "secret key", "private key", "priv key", "auth key", "encryption key", "signing key"),
    *("service key", "account key", "db key", "database key", "client key", "master key", "shared key", "storage key"),
    *("session key", "ssh key", "deploy key", "license key", "hmac key", "jwt key"),
    *("cloudant key", "softlayer key", "iam key"),
)
KINDS = (
    Kind(
        "password",
        (
            *("password", "passwd", "passphrase", "pass phrase", "pwd", "contraseña", "contrasena"),
            *("db pass", "database pass", "key pass", "mnemonic", "seed phrase"),
        ),
        1,
    ),
    Kind(
        "short password",
        ("pass", "passcode", "pin", "otp", "totp", "recovery code", "verification code", "one time code"),
        4,
        prose=True,
    ),
    Kind("card", ("card number", "cvv", "cvc"), 3),
    Kind(
        "number of a person",
        ("ssn", "iban", "social security number", "phone", "phone number", "telephone", "msisdn"),
        6,
        prose=True,
    ),
    Kind("mail address", ("email", "e mail", "mail address"), _NEVER, prose=True),
    Kind("key", _KEYS, 6),
    Kind("secret", ("secret", "credential", "creds", "dsn", "connection string", "shared access signature"), 6),
    Kind("token", ("token", "jwt", "bearer", "csrf", "xsrf"), 16, prose=True),
    Kind("session", ("session", "sid", "sessid", "jsessionid", "phpsessid", "cookie"), 16, prose=True),
    Kind("proof", ("auth", "authorization", "signature"), 16, prose=True),
)
# A name with one of these words after the word for the secret describes the secret.
_ABOUT = frozenset(
    """
    age algorithm alg allowed amount attempt attempts audience avs backend banner bucket budget bytes changed channel
    check checks class client config configured consent controller cost count counter country created delay denied
    device domain domains driver duration enabled endpoint error errors event events exception exempt exists expired
    expires expiration expiry factory failed failure failures field fields file filter flow format grant handler header
    headers host in index invalid issuer issued kind last4 layout left len length level lifetime limit limited limits
    location locked lookup manager max maximum mechanism message method middleware min minimum mismatch missing mode
    model module name names not operation optional options page path pattern period plugin policy port preference
    prefix present protocol provider query rate ratio realm reason region rejected required requirement requirements
    reset response result results retries role rotation rule same schema scheme scope secure seconds sent server
    service set settings size
    source state status store strategy strength success support supported suffix table template threshold time timeout
    total ttl type types unit uri url usage used user username valid validation validator verification verified
    version warning window agent bot ms at by
    """.split()  # noqa: SIM905 - two hundred quotes would hide the words
)
# A word that ends with one of these is a secret, too (`csrftoken`, `PGPASSWORD`).
_ENDINGS = (
    *("password", "passwd", "passphrase", "secret", "token", "cookie", "apikey", "accesskey", "secretkey"),
    *("privatekey", "sessionid", "credential", "cardnumber"),
)
_BEGINNINGS = ("password", "passwd", "passphrase")
_HAS_NAME = frozenset(("name", "header", "field", "param", "parameter", "option", "variable", "k", "n"))
_HAS_VALUE = frozenset(("value", "val", "content", "data", "v"))
_ADDED = Kind("team", (), 1)
NAMES_ANOTHER = Kind("names another", (), _NEVER)  # `{"name": "password", "value": ...}`
VALUE_OF_ANOTHER = Kind("value of another", (), _NEVER)
MAY_END = Kind("may end a phrase", (), _NEVER)  # the `key` of `api key: ...`
MARKS = (NAMES_ANOTHER, VALUE_OF_ANOTHER, MAY_END)
_LONGEST_PHRASE = 3
_CACHED = 128  # characters of a name
_WORD = re.compile(r"[A-Z]+s?(?![a-z])|[A-Z]?[^\W\dA-Z_]+|\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """A team's additions to the redaction, and its exceptions. `docs/guides/redaction.md` has the platform's rules."""

    names: Sequence[str] = ()
    """Additional names: the values of names that contain these words in sequence are hidden."""
    shown: Sequence[str] = ()
    """Exceptions: the values of exactly these names are shown."""
    prefixes: Sequence[str] = ()
    """Prefixes of the team's own tokens. A prefix with at least 8 characters after it is hidden in any context."""


class Names:
    """Returns the kinds of names."""

    def __init__(self, redaction: Redaction) -> None:
        """Combine the table with the additions of the team."""
        kinds = {words: kind for kind in KINDS for words in kind.words}
        kinds |= {" ".join(words_of(name)): _ADDED for name in redaction.names}
        self._kinds: Mapping[tuple[str, ...], Kind] = {
            **{(words.replace(" ", ""),): kind for words, kind in kinds.items()},
            **{tuple(words.split()): kind for words, kind in kinds.items()},
        }
        self._ends = frozenset(words[-1] for words in self._kinds if len(words) > 1)
        self._shown = frozenset(words_of(name) for name in redaction.shown)
        self._cached = lru_cache(maxsize=1024)(self._of)

    def of(self, name: str) -> Kind | None:
        """The kind of a name, or None for a name without a secret value."""
        # A client may choose names: a cache of them is limited in number only, and words cost time.
        return self._cached(name) if len(name) <= _CACHED else self._of(f"{name[:_CACHED]} {name[-_CACHED:]}")

    @property
    def kept(self) -> int:
        """The number of cached names."""
        return self._cached.cache_info().currsize

    def _of(self, name: str) -> Kind | None:
        words = words_of(name)
        if words in self._shown:
            return None
        about = next((i for i in range(len(words) - 1, -1, -1) if words[i] in _ABOUT), -1)
        found = [
            kind
            for start in range(len(words))
            for end in range(max(start, about) + 1, min(start + _LONGEST_PHRASE, len(words)) + 1)
            if (kind := self._kind(words[start:end])) is not None
        ]
        if found:
            return min(found, key=_strictness)
        return self._mark(*words) if len(words) == 1 else None

    def _mark(self, word: str) -> Kind | None:
        if word in _HAS_NAME:
            return NAMES_ANOTHER
        if word in _HAS_VALUE:
            return VALUE_OF_ANOTHER
        return MAY_END if _singular(word) in self._ends else None

    def _kind(self, words: tuple[str, ...]) -> Kind | None:
        *first, last = words
        found = self._kinds.get(words) or self._kinds.get((*first, _singular(last)))
        if found is None and not first:
            ending = next((each for each in _ENDINGS if _singular(last).endswith(each)), None)
            ending = ending or next((each for each in _BEGINNINGS if last.startswith(each)), None)
            found = self._kinds[(ending if (ending,) in self._kinds else "token",)] if ending else None
        return found


def names_another(kind: Kind | None, name: str) -> bool:
    """Whether the value under this name names the value beside it. A `key` may, and may end the name of a secret."""
    return kind is NAMES_ANOTHER or (kind is MAY_END and name.lower() == "key")


def is_name(text: str, names: Names) -> bool:
    """Whether this is a secret's name, as in a list of names: letters alone, since a token may hold such a word."""
    return text.replace("_", "").replace("-", "").isalpha() and names.of(text) is not None


def _strictness(kind: Kind) -> int:
    return kind.digits


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in snake, kebab or camel case, in lower case."""
    if not name.isascii() and name.isupper():
        name = name.lower()
    return tuple(word.lower() for word in _WORD.findall(name))


def _singular(word: str) -> str:
    return word.removesuffix("s")
