"""Requests that no client should send: valid ones of the example's resource, broken in one to three places.

The same seed makes the same requests, so that a failure can be repeated.
"""

import json
import random
from collections.abc import Callable, Iterator
from urllib.parse import quote

Request = bytes
LINKS = "/api/v1/links"
HEADERS = {
    "Host": "127.0.0.1",
    "Accept": "application/json",
    "Accept-Encoding": "gzip;q=0.5, *;q=0",
    "If-None-Match": 'W/"1", "2"',
    "If-Match": '"1"',
    "Idempotency-Key": '"first-link"',
    "API-Version": "1",
    "Origin": "https://example.com",
    "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "X-Request-ID": "abc",
    "Forwarded": "for=192.0.2.60;proto=https",
}
QUERIES = ("", "?limit=3", "?cursor=abc.def&sort=-created_at", "?q=a&page=2&total=true", "?limit=1&limit=2", "?a[b]=%")
DOCUMENT = {"url": "https://example.com/a?b=c#d", "slug": "docs"}
PATHS = (LINKS, f"{LINKS}/docs", f"{LINKS}/docs/visits", "/api/v2/links/docs", "/r/docs", "/openapi.json", "/docs")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HOSTILE = (
    "",
    " ",
    "\x00",
    "\t,;=\"'<>{}[]",
    "../../../../etc/passwd",
    "%00%ff%c0%ae",
    "' OR '1'='1",
    "<script>alert(1)</script>",
    "{{7*7}}${7*7}",
    "-1",
    "NaN",
    "1e999",
    "9" * 400,
    "\u202e\u2066",
    "\ud7ff\uffff",
    "W/",
    '"' * 50,
    "*",
    "q=;q=1.0001,gzip;q=-1",
    "a" * 5000,
)
TOKENS = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b": ",
    b"\xff",
    b"HTTP/1.1",
    b" ",
    b"Transfer-Encoding: chunked\r\n",
    b"0\r\n\r\n",
)
VALUES: tuple[object, ...] = (
    None,
    True,
    -0.0,
    2**70,
    [],
    {},
    [[[[]]]],
    {"a": {"b": {"c": 1}}},
    "\ud800",
    "\x00",
    "a" * 3000,
)


def requests(seed: int, count: int) -> Iterator[Request]:
    """So many broken requests."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(count):
        whole = dice.choice(MAKERS)(dice)
        for _ in range(dice.choice((0, 0, 1, 1, 2))):
            whole = _broken(dice, whole)
        yield whole


def _assembled(dice: random.Random, method: str, target: str, headers: dict[str, str], body: bytes) -> Request:
    """One request; its length is true, false, twice there, or missing."""
    lengths = [f"Content-Length: {len(body)}\r\n"] * dice.choice((*[1] * 10, 2, 0))
    lengths += dice.choice(([], *[[]] * 10, ["Content-Length: 7\r\n"], ["Transfer-Encoding: chunked\r\n"]))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}{''.join(lengths)}\r\n".encode("utf-8", "surrogatepass") + body


def _headers(dice: random.Random) -> dict[str, str]:
    """A host, and some of the headers that the service reads, one of them hostile."""
    names = dice.sample(sorted(HEADERS), dice.randint(1, 5))
    chosen = {"Host": "127.0.0.1", **{name: HEADERS[name] for name in names}}
    chosen[dice.choice(names)] = dice.choice(HOSTILE).replace("\x00", "")
    return chosen


def _with_headers(dice: random.Random) -> Request:
    body = json.dumps(DOCUMENT).encode()
    headers = {**_headers(dice), "Content-Type": dice.choice(("application/json", "text/plain", "a/b;c", *HOSTILE))}
    return _assembled(dice, dice.choice(METHODS), dice.choice(PATHS), headers, body)


def _with_target(dice: random.Random) -> Request:
    hostile = dice.choice((dice.choice(HOSTILE), quote(dice.choice(HOSTILE), errors="surrogatepass")))
    path = dice.choice(PATHS) + dice.choice(("", "", "/", "//", f"/{hostile}"))
    query = dice.choice((*QUERIES, f"?q={hostile}", f"?cursor={hostile}", f"?{hostile}=1"))
    return _assembled(dice, dice.choice(METHODS), path + query, {"Host": "127.0.0.1"}, b"")


def _with_document(dice: random.Random) -> Request:
    document = {**DOCUMENT, dice.choice(("url", "slug", "new", *HOSTILE[:4])): dice.choice((*VALUES, *HOSTILE))}
    texts = (json.dumps(document), json.dumps([document]), "[" * 3000, '{"url":' * 500, '{"url": NaN}', "\ufeff{}", "")
    headers = {"Host": "127.0.0.1", "Content-Type": "application/json", "If-Match": '"1"'}
    body = dice.choice(texts).encode("utf-8", "surrogatepass")
    method, path = dice.choice((("POST", LINKS), ("PUT", f"{LINKS}/docs"), ("PATCH", f"{LINKS}/docs")))
    return _assembled(dice, method, path, headers, body)


MAKERS: tuple[Callable[[random.Random], Request], ...] = (_with_headers, _with_target, _with_document)


def _broken(dice: random.Random, whole: Request) -> Request:
    """The request with a byte changed, a token put in, a part left out, a part twice, or its end missing."""
    start, end = sorted(dice.randrange(len(whole) + 1) for _ in range(2))
    match dice.randrange(5):
        case 0:
            return whole[:start] + bytes([dice.randrange(256)]) + whole[start + 1 :]
        case 1:
            return whole[:start] + dice.choice(TOKENS) + whole[start:]
        case 2:
            return whole[:start] + whole[end:]
        case 3:
            return whole[:end] + whole[start:]
        case _:
            return whole[:end]
