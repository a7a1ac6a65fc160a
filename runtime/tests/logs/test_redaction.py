"""Secrets and personal data are replaced, everything else stays, and any text takes linear time."""

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from firstlight.logs.redaction import REDACTED, Redaction, configure, redact, redact_text
from firstlight.logs.secret_names import Names

LIMIT_SECONDS = 20.0  # for text that takes at most two seconds on a slow machine when the time is linear
LONG = 1_000_000  # characters


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Stop a computation that takes too long: a regular expression looks for signals now and then."""

    def stop(*_: object) -> None:
        msg = f"still running after {seconds} s"
        raise TimeoutError(msg)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", ["event", "http_route", "url_path", "duration_seconds", "logger", "slug", "check"])
def test_ordinary_names_are_shown(name: str) -> None:
    """The fields of the runtime's events are unchanged."""
    assert redact({name: "value"}) == {name: "value"}


def test_long_names_are_not_kept() -> None:
    """A client may choose names, and a cache of them is limited in number only."""
    names = Names(Redaction())
    assert names.of("x" * 10_000 + "password") is not None
    assert names.of("y" * 10_000) is None
    assert names.of("password") is not None
    assert names.kept == 1


@pytest.fixture
def _added() -> Iterator[None]:
    """A service's additions and exceptions, as long as a test runs."""
    configure(Redaction(names=["salary", "customer number"], shown=["session_label"], prefixes=["acme_live_", "ak_"]))
    yield
    configure(Redaction())


@pytest.mark.usefixtures("_added")
def test_a_team_adds_names_prefixes_and_exceptions() -> None:
    """In text and in structured values; names go by their words, exceptions are whole names."""
    value = {"salary": 5000, "customerNumber": "4711", "session_label": "x1", "session_labels": "x1", "count": 3}
    hidden = {"salary": REDACTED, "customerNumber": REDACTED, "session_labels": REDACTED}
    assert redact(value) == {**value, **hidden}
    assert redact_text("base_salary=5000 session_label=x1 took=3") == "base_salary=REDACTED session_label=x1 took=3"
    assert redact_text("sent acme_live_a1b2c3d4 on") == "sent REDACTED on"
    assert redact({"path": "/x/acme_live_a1b2c3d4", "short": "ak_a1b2c3d4"}) == {
        "path": "/x/REDACTED",
        "short": REDACTED,
    }


def test_what_one_service_adds_ends_with_it() -> None:
    """The next that is put together has its own."""
    assert redact({"salary": 5000}) == {"salary": 5000}


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        "password = 'hunter2 hunter2'",
        'the "password": "hunter2 and, more"',
        "DB_PASSWORD=hunter2",
        "Authorization: Bearer hunter2hunter2",
        "authorization=Basic hunter2hunter2",
        "sent bearer hunter2hunter2 to it",
        "x-api-key: hunter2",
        "apikey:hunter2",
        "Set-Cookie: session=hunter2; Path=/",
        "postgres://admin:hunter2@db/links",
        "redis://:hunter2@cache:6379/0",
        "https://example.com/reset?code=hunter2",
        "GET https://example.com/?hunter2 failed",
        "eyJhbGciOi.eyJzdWIiOi.hunter2",
        "no such user hunter2@example.com",
        "client_secret=hunter2&grant_type=x",
        "(token=hunter2)",
        "{'access_token': 'hunter2'}",
        "https://a.example/x?y=1 and password=hunter2",
    ],
)
def test_secrets_in_free_text_are_replaced(text: str) -> None:
    """Shapes decide in free text."""
    assert "hunter2" not in redact_text(text)
    assert REDACTED in redact_text(text)


@pytest.mark.parametrize("text", ['auth: a="x",b=hunter2"', 'auth:  --="x",key=hunter2=d', "one, two: three"])
def test_lists_are_read_on_every_python(text: str) -> None:
    """A possessive group in a pattern ended in `SystemError` for these, the first two on all versions of CPython."""
    assert "hunter2" not in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "started",
        "http://localhost:8000/api/v1/orders",
        "took 3 s: retrying",
        "a == b ?",
        "/api/v1/orders/abc",
        "user@",
        "eyJ alone",
        "basic idea: keep it",
        "naïve café: 10 €",
    ],
)
def test_harmless_text_is_unchanged(text: str) -> None:
    """Text that only resembles a secret stays as it is."""
    assert redact_text(text) == text


def test_what_surrounds_a_secret_stays() -> None:
    """The rest of the line stays readable."""
    assert redact_text("cannot log in: password=hunter2, user bob@example.com, host db") == (
        "cannot log in: password=REDACTED, user REDACTED, host db"
    )
    assert redact_text("error: reason: password=hunter2") == "error: reason: password=REDACTED"
    assert redact_text("GET https://example.com/a?b=c#d") == "GET https://example.com/a?b=REDACTED#d"
    assert redact_text("postgres://admin:hunter2@db/links") == "postgres://REDACTED@db/links"


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ({"password": "hunter2"}, {"password": REDACTED}),
        (
            {"password": None, "user": {"email": "x", "id": 7}},
            {"password": None, "user": {"email": REDACTED, "id": 7}},
        ),
        ([{"token": 1}, ("password=hunter2",)], [{"token": 1}, ["password=REDACTED"]]),
        ({"token": "hunter2", "max_tokens": 12, "pin": 1234}, {"token": REDACTED, "max_tokens": 12, "pin": REDACTED}),
        ({"key": "password", "value": "hunter2"}, {"key": "password", "value": REDACTED}),
        ({"value": "hunter2", "name": "password"}, {"value": REDACTED, "name": "password"}),
        ({"key": "colour", "value": "red"}, {"key": "colour", "value": "red"}),
        (["/usr/bin/curl", "-u", "bob:hunter2", "web"], ["/usr/bin/curl", "-u", f"bob:{REDACTED}", "web"]),
        (["docker", "run", "-u", "web:web"], ["docker", "run", "-u", "web:web"]),
        ({"netloc": "bob:hunter2@db"}, {"netloc": f"{REDACTED}@db"}),
        ({"a": frozenset({"x"})}, {"a": ["x"]}),
        ({"bob@example.com": 1}, {REDACTED: 1}),
        (7, 7),
        (1.5, 1.5),
        (None, None),
        (True, True),
    ],
)
def test_structured_values_are_redacted_at_any_level(value: Any, safe: Any) -> None:
    """Names decide for members, shapes for the text below them."""
    assert redact(value) == safe


def test_the_original_is_not_changed() -> None:
    """A copy is redacted; the caller's value stays as it is."""
    original = {"password": "hunter2", "list": ["token=abc"]}
    redact(original)
    assert original == {"password": "hunter2", "list": ["token=abc"]}


def test_values_nested_too_deep_or_in_themselves_are_cut() -> None:
    """A cycle ends, and what was not checked is not shown."""
    endless: dict[str, Any] = {}
    endless["again"] = endless
    assert REDACTED in str(redact(endless))


@pytest.mark.parametrize(
    "text",
    [
        "/" + "a" * LONG + "=",
        "/" + "a" * LONG + "@",
        "a." * (LONG // 2) + ":",
        "=" + "password" * (LONG // 8),
        "password" * (LONG // 8) + "=",
        "password=" * (LONG // 9),
        "https://" * (LONG // 8),
        "https://" + "a" * LONG,
        "x://" * (LONG // 4),
        "-eyJ" * (LONG // 4) + "=",
        "eyJ." * (LONG // 4),
        "basic " * (LONG // 6),
        "bearer" + " " * LONG + "=",
        "password" + " " * LONG,
        "password='" * (LONG // 10),
        "password=\"'" * (LONG // 11),
        "a@" * (LONG // 2),
        "a@a." * (LONG // 4),
        "-eyJ" * (LONG // 4) + ".",
        "\\" * LONG + '"',
        "password=(" * (LONG // 10),
        "password=[1," * (LONG // 12),
        "password='must " * (LONG // 15),
        "password: must " * (LONG // 15),
        'authorization: Digest a="b",' * (LONG // 25),
        "cookie: a=b; c" * (LONG // 14),
        "name: password " * (LONG // 15),
        "<password a" * (LONG // 11),
        "https://a:b@" * (LONG // 12),
        "https://a?b=c&" * (LONG // 14),
        "-----BEGIN PRIVATE KEY" * (LONG // 22),
        "-----END PRIVATE KEY" * (LONG // 20),
        "a-" * (LONG // 2),
        "api " * (LONG // 4) + "key:",
    ],
    ids=lambda text: text[:12],
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    """A client chooses the path of its request, and must not stop the event loop with it."""
    with limited(LIMIT_SECONDS):
        redact_text(text)


WORDS = ["password", "token", "session", "auth", "cookie", "key", "name", "value", "authorization", "must ", "a", "1"]
MARKS = [*"\"'`\\()[]{}=:,;<>/?&@-. \n", '\\"', "\\'", '\\\\\\"', "\\n", "=>", "%3D"]
MARKS += ["--", "://", "</", "eyJ", '"""', ": ", ", "]
HOSTILE = [
    *("=auth", "=>cookie=>", "%3D}eyJcookie", "=eyJ", "token: aaaa", "token=[1,", 'auth=a="(', "\\", 'session=("'),
    *("password=\"must '", 'password="must \\"', '\'password\', """', "password[=(", "'token': {\\\""),
    *("authorization[,=>", "authorization=>", "password is ", "a:b@"),
]
SMALL = 8_000  # characters: as long as a field may be
GROWTH, SHORT_SECONDS = 8, 0.003  # of the time, where the length grows four times: 16 where it is quadratic


def hostile_texts(count: int) -> Iterator[str]:
    """What is repeated in hostile texts: known ones, and mixtures of names, quotes, brackets and separators."""
    yield from HOSTILE
    mixture = random.Random(11)  # noqa: S311 - the same texts in each run
    for _ in range(count):
        yield "".join(mixture.choices(WORDS, k=mixture.randrange(1, 3)) + mixture.choices(MARKS, k=4))
        parts = [*mixture.choices(WORDS, k=3), *mixture.choices(MARKS, k=5)]
        yield "".join(mixture.choices(parts, k=SMALL))


def seconds(text: str) -> float:
    """The CPU time of one call, the shorter of two."""
    times = []
    for _ in range(2):
        begun = time.process_time()
        redact_text(text)
        times.append(time.process_time() - begun)
    return min(times)


def test_four_times_the_text_takes_about_four_times_as_long() -> None:
    """Whatever quotes, brackets, separators and escapes are mixed in it; quadratic time would be sixteen times."""
    slow = []
    for unit in hostile_texts(40):
        short, long = (f"{(unit * (size // len(unit) + 1))[:size]},\n" for size in (SMALL, 4 * SMALL))
        limit = GROWTH * max(seconds(short), SHORT_SECONDS)
        if seconds(long) > limit and seconds(long) > limit:
            slow.append(unit[:80])
    assert slow == []


def test_what_is_looked_at_too_often_is_hidden() -> None:
    """The rest of a text that is made to cost time is no place for a secret."""
    text = "=auth" * 2_000 + " password=hunter2 hunter2"
    assert "hunter2" not in redact_text(text)
    assert redact_text(text).startswith("=auth=auth")


def test_a_number_of_an_enumeration_is_a_number() -> None:
    """To ask a range about one, which is no plain integer, would look at every number of the range."""
    assert redact({"status": HTTPStatus.NOT_FOUND}) == {"status": 404}


class Login(BaseModel):
    """What a caller sends."""

    password: int


def test_what_pydantic_refuses_is_not_shown() -> None:
    """Its message repeats the value, and the name stands on another line. What was wrong with it stays."""
    with pytest.raises(ValidationError) as refused:
        Login.model_validate({"password": "hunter2secret"})
    text = redact_text(str(refused.value))
    assert "hunter2" not in text
    assert "type=int_parsing, input_value=REDACTED, input_type=str" in text


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["run", "--password", "hunter2", "--quiet"], ["run", "--password", REDACTED, "--quiet"]),
        (("mysql", "--token", "hunter2", "db"), ["mysql", "--token", REDACTED, "db"]),
        (["run", "--password", "--quiet", "now"], ["run", "--password", "--quiet", "now"]),
        (["run", "--retries", "3", "--name", "orders"], ["run", "--retries", "3", "--name", "orders"]),
    ],
)
def test_a_list_of_arguments_shows_no_secret(arguments: list[str] | tuple[str, ...], shown: list[str]) -> None:
    """As its text would not; what stands behind other options stays."""
    assert redact(arguments) == shown
