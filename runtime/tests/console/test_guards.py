"""Requests that attack the console. Each is one that a page of another site, or another program, could send."""

import socket
import threading
from collections.abc import Callable

import pytest

from firstlight.console.guards import Guards

from .conftest import API, PAGE, TOKEN, Caller, Effects

Header = tuple[str, str]
HOSTS = ("localhost", "127.0.0.1", "[::1]", "LOCALHOST")


@pytest.mark.parametrize("host", HOSTS)
def test_the_page_and_its_twins_answer_under_names_of_this_machine(here: Caller, host: str) -> None:
    """With the cookie, at the port of the console."""
    at = f"{host}:{here.port}"

    page = here.ask("/console", ("Cookie", here.cookie), host=at)
    twin = here.ask(f"{API}echo?text=x", ("Cookie", here.cookie), host=at)

    assert (page.status, page.body) == (200, PAGE.document)
    assert twin.json["text"] == "x"


@pytest.mark.parametrize(
    "name",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "localhost:{port}@evil.example",
        "127.0.0.2:{port}",
        "0.0.0.0:{port}",
        "",
        None,
    ],
)
@pytest.mark.parametrize("path", ["/console", f"{API}echo", "/console/login?token={token}"])
def test_a_foreign_host_is_refused(here: Caller, name: str | None, path: str) -> None:
    """A name of another site can resolve to this machine. The probes stay open: their clients use any name."""
    host = None if name is None else name.format(port=here.port) or "x"
    refused = here.ask(path.format(token=TOKEN), ("Cookie", here.cookie), host=host)

    assert (refused.status, "set-cookie" in refused.headers) == (403, False) or (refused.status == 400 and host is None)
    assert here.ask("/health/live", host=host or "evil.example").status == 200


def test_neither_a_second_host_nor_a_forwarded_one_counts(here: Caller) -> None:
    """A proxy's headers are not ours, and two hosts are none."""
    ours = f"127.0.0.1:{here.port}"

    forwarded = here.ask("/console", ("Cookie", here.cookie), ("X-Forwarded-Host", ours), host="evil.example")
    twice = here.ask("/console", ("Cookie", here.cookie), ("Host", ours), host="evil.example")
    ignored = here.ask("/console", ("Cookie", here.cookie), ("X-Forwarded-Host", "evil.example"))

    assert (forwarded.status, ignored.status) == (403, 200)
    assert twice.status in {400, 403}


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}"])
def test_a_foreign_origin_is_refused(here: Caller, effects: Effects, origin: str) -> None:
    """Whether it reads or has an effect. No response allows another origin to read it."""
    said = ("Origin", origin.format(port=here.port))

    read = here.ask(f"{API}echo", ("Cookie", here.cookie), said)
    effect = here.ask(f"{API}press", ("Cookie", here.cookie), said, ("X-Console", "1"), method="POST", body=b"{}")
    asked = here.ask(f"{API}press", ("Cookie", here.cookie), said, method="OPTIONS")

    assert (read.status, effect.status, asked.status, effects.done) == (403, 403, 403, [])
    assert [name for each in (read, effect, asked) for name in each.headers if name.startswith("access-control")] == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_gets_nothing_from_a_browser(here: Caller, site: str) -> None:
    """Not even with the cookie. A server on another port of this machine is the same site."""
    twin = here.ask(f"{API}echo", ("Cookie", here.cookie), ("Sec-Fetch-Site", site))
    frame = here.ask("/console", ("Cookie", here.cookie), ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "no-cors"))
    followed = here.ask("/console", ("Cookie", here.cookie), ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "navigate"))

    assert (twin.status, frame.status) == (403, 403)
    assert followed.status == (200 if site == "same-site" else 403)  # the link in a problem document works


def test_a_form_of_another_site_has_no_effect(here: Caller, effects: Effects) -> None:
    """A browser sends it with the cookie if the site is a port of this machine."""
    form = ("Content-Type", "application/x-www-form-urlencoded")
    ours = ("Cookie", here.cookie)
    attacks: list[list[Header]] = [
        [ours, form, ("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site")],
        [ours, form, ("Origin", here.origin)],
        [ours, form, ("X-Console", "1")],
        [form, ("Origin", here.origin), ("X-Console", "1")],
        [("Authorization", f"Bearer {TOKEN}"), ("Origin", here.origin), ("X-Console", "1")],
    ]

    statuses = [here.ask(f"{API}press", *each, method="POST", body=b"seconds=1").status for each in attacks]

    assert statuses == [403, 403, 403, 401, 401]
    assert effects.done == []
    assert here.act("press", seconds=2).json["pressed"] == 1


def test_an_effect_needs_the_method_post(here: Caller, effects: Effects) -> None:
    """A link or an image is a GET."""
    ours = ("Cookie", here.cookie), ("Origin", here.origin), ("X-Console", "1")

    answers = [here.ask(f"{API}press", *ours, method=method) for method in ("GET", "HEAD", "PUT", "DELETE")]
    read = here.ask(f"{API}echo", *ours, method="POST", body=b"{}")

    assert [(each.status, each.headers["allow"]) for each in answers] == [(405, "POST")] * 4
    assert (read.status, read.headers["allow"]) == (405, "GET, HEAD")
    assert effects.done == []


@pytest.mark.parametrize(
    "given",
    [
        lambda _: (),
        lambda here: (("Cookie", f"console_{here.port}="),),
        lambda here: (("Cookie", f"console_{here.port}={TOKEN}"),),
        lambda here: (("Cookie", here.cookie.replace(f"_{here.port}", "_1")),),
        lambda here: (("Cookie", Caller(here.port, "f" * 32).cookie),),  # of the process before a restart
        lambda here: (("Cookie", here.cookie[:-1]),),
        lambda here: (("Cookie", f"console_{here.port}=\xe9"),),
        lambda _: (("Authorization", f"Bearer {'f' * 32}"),),
        lambda _: (("Authorization", f"Basic {TOKEN}"),),
        lambda _: (("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Bearer {TOKEN}")),
    ],
)
def test_without_the_token_nothing_is_shown(here: Caller, given: Callable[[Caller], tuple[Header, ...]]) -> None:
    """No cookie, that of another port or of another start, a part of it, or the wrong token."""
    answers = [here.ask(path, *given(here)) for path in ("/console", "/console/requests/1", f"{API}echo", API)]

    assert [each.status for each in answers] == [401] * 4
    assert [PAGE.document in each.body or b"text" in each.body for each in answers] == [False] * 4


def test_a_program_may_read_with_the_token(here: Caller) -> None:
    """As a bearer: a browser never adds that unasked."""
    assert here.ask(f"{API}echo?text=x", ("Authorization", f"Bearer {TOKEN}")).json["text"] == "x"


def test_the_login_exchanges_the_token_for_a_cookie(here: Caller) -> None:
    """The redirect strips it from the address, and the cookie is not the token."""
    answer = here.ask(f"/console/login?token={TOKEN}")

    assert (answer.status, answer.headers["location"]) == (303, "/console")
    assert answer.headers["set-cookie"] == Guards(TOKEN).cookie(here.port)
    assert answer.headers["set-cookie"].endswith("; Path=/console; HttpOnly; SameSite=Strict")
    assert TOKEN not in answer.headers["set-cookie"]


@pytest.mark.parametrize("query", ["", "?token=", "?token=f", "?token=%FF", f"?other={TOKEN}", f"?token={TOKEN}0"])
def test_a_login_with_another_token_is_refused(here: Caller, query: str) -> None:
    """No cookie is set."""
    answer = here.ask("/console/login" + query)

    assert (answer.status, "set-cookie" in answer.headers) == (401, False)


@pytest.mark.parametrize(
    "path",
    [
        "/console/../metrics",
        "/console/..%2fmetrics",
        "/console/%2e%2e/%2e%2e/etc/passwd",
        "/console//etc/passwd",
        "/console/page/console/html",
        "/console/api/v1/../../../etc/passwd",
        "/console/api/v1/echo/../../etc",
        "/console/requests/..%00",
        "/console/requests/<script>",
        "/console/a/b/c",
        "/consoles",
        "/consolex/api/v1/echo",
    ],
)
def test_no_path_leads_to_a_file(here: Caller, path: str) -> None:
    """Nothing is served from a path, and nothing that a path has is in the answer."""
    answer = here.ask(path, ("Cookie", here.cookie))

    assert answer.status == 404 or answer.json.get("key") == "../../etc"
    assert [word for word in (b"root:", b"<script", b"<!DOCTYPE") if word in answer.body] == []


def test_every_response_has_the_headers_that_protect_it(here: Caller) -> None:
    """Pages, twins, refusals and errors: no frame, no sniffing, no cache, no referrer, no other origin."""
    ours = ("Cookie", here.cookie)
    answers = [
        here.ask("/console", ours),
        here.ask(f"{API}echo", ours),
        here.ask("/console"),
        here.ask("/console/x<y", ours),
    ]

    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answers[0].headers["content-security-policy"] == PAGE.policy


def test_markup_in_an_answer_is_escaped(here: Caller) -> None:
    """A browser that took JSON for a page would find no tag in it."""
    answer = here.ask(f"{API}echo?text=%3Cscript%3Ealert(1)%3C/script%3E%26", ("Cookie", here.cookie))

    assert answer.headers["content-type"] == "application/json"
    assert not {b"<", b">", b"&"} & {answer.body[at : at + 1] for at in range(len(answer.body))}
    assert answer.json["text"] == "<script>alert(1)</script>&"


def test_a_thousand_connections_do_not_shut_the_probes_out(here: Caller) -> None:
    """The port closes old ones: the console and the probes answer, and no thread is started for them."""
    before = threading.active_count()
    opened = [socket.create_connection(("127.0.0.1", here.port)) for _ in range(1000)]
    try:
        for each in opened[::2]:
            each.sendall(b"GET /console HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        probe = here.ask("/health/live")
        twin = here.ask(f"{API}echo?text=x", ("Cookie", here.cookie))
    finally:
        for each in opened:
            each.close()

    assert (probe.status, twin.status) == (200, 200)
    assert threading.active_count() <= before
