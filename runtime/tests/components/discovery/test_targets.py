"""The addresses of dependencies: what they may be, and one sentence for what they must not be."""

import pytest

from firstlight.components.http_client import HttpClientSettings
from firstlight.components.http_client.discovery.target import parse
from firstlight.components.http_client.verification import verify
from firstlight.errors import SettingsError
from firstlight.settings import Settings, load


@pytest.mark.parametrize(
    ("text", "kind", "name", "url"),
    [
        ("https://screening.example/api", "url", "", "https://screening.example/api"),
        ("http://user:word@a/x", "url", "", "http://user:word@a/x"),
        (" HTTPS://[::1]:8443", "url", "", "https://[::1]:8443"),
        ("HTTP://a:1|Http://b:2", "static", "", "http://a:1"),
        ("http://a:1/api|http://[::1]:2/api", "static", "", "http://a:1/api"),
        ("2*https://a", "static", "", "https://a"),
        ("srv://_http._tcp.screening.example", "srv", "_http._tcp.screening.example", "http://screening.example"),
        ("srv://_web._tcp.a.example./v1?scheme=https", "srv", "_web._tcp.a.example.", "https://a.example/v1"),
        ("srv://_a._tcp.b.c?host=d.example&server=[::1]:53", "srv", "_a._tcp.b.c", "http://d.example"),
        ("dns://screening:8000", "dns", "screening", "http://screening:8000"),
        ("dns://screening:8443?scheme=https&host=a.example", "dns", "screening", "https://a.example"),
        ("consul://localhost:8500/screening", "consul", "screening", "http://screening"),
        ("consul://agent/screening/v2?dc=eu&tag=a&tag=b&agent=https", "consul", "screening", "http://screening/v2"),
    ],
)
def test_an_address_is_taken_apart(text: str, kind: str, name: str, url: str) -> None:
    """Into what is looked up, and the base URL of the client."""
    target = parse(text)
    assert (target.kind, target.name, target.url) == (kind, name, url)


def test_listed_instances_have_ports_and_weights() -> None:
    """The port of the scheme, where none is written."""
    found = parse("3*https://a|https://b:8443|https://[::1]").instances
    assert [(each.name, each.weight) for each in found] == [("a:443", 3), ("b:8443", 1), ("[::1]:443", 1)]


@pytest.mark.parametrize(
    ("text", "must"),
    [
        ("screening", "must be a list of name=url"),
        ("ftp://a", "must be a list of name=url"),
        ("etcd://a/b", "must be a list of name=url"),
        ("http://a:99999", "must have a host, and no query, in a url"),
        ("http://a:0", "must have a host, and no query, in a url"),
        ("http://[::1", "must have a host, and no query, in a url"),
        ("http://a\x01b", "must have a host, and no query, in a url"),
        ("http://a b", "must have a host, and no query, in a url"),
        ("http://a?x=y", "must have a host, and no query, in a url"),
        ("http://a#b", "must have a host, and no query, in a url"),
        ("http://a|srv://_a._tcp.b.c", "must be a list of name=url"),
        ("http://a|", "must be a list of name=url"),
        ("http://a|https://b", "must have the same scheme and path"),
        ("http://a/x|http://b/y", "must have the same scheme and path"),
        ("http://a|http://a:80", "must name each instance of a dependency once"),
        ("0*http://a|http://b", "must have weights from 1 to 1000"),
        ("http://user:word@a|http://b", "must have a host and no password"),
        ("http://a:0|http://b", "must have a host and no password"),
        ("srv://screening.example", "must name service and protocol"),
        ("srv://_http._udp.screening.example", "must name service and protocol"),
        ("srv://_http._tcp.screening.example:80", "must name service and protocol"),
        ("srv://_http._tcp.screening.example?ttl=3", "must have only these options in srv://"),
        ("srv://_http._tcp.screening.example?scheme=ftp", "must have the option scheme as one of http, https"),
        ("srv://_http._tcp.screening.example?server=:53", "must have a DNS server"),
        ("srv://_http._tcp.screening.example?host=a/b", "must have a host in the option host"),
        ("dns://screening", "must have the port of the instances"),
        ("dns://:80", "must have a host after dns://"),
        ("dns://10.0.0.1:80", "must have a name in dns://, because an address is not looked up"),
        ("dns://[::1]:80", "must have a name in dns://, because an address is not looked up"),
        ("dns://a:99999", "must have a host after dns://"),
        ("dns://a b:80", "must have a host after dns://"),
        ("consul://localhost:8500", "must have the agent and the name of the service"),
        ("consul://localhost:8500/a?dc=x&dc=y", "must have only these options in consul://"),
        ("consul://localhost:8500/a?token=x", "must have only these options in consul://"),
        ("consul://localhost:8500/a#b", "must have a plain path in consul://"),
    ],
)
def test_a_bad_address_is_refused_with_one_sentence(monkeypatch: pytest.MonkeyPatch, text: str, must: str) -> None:
    """That names the variable and what it must be."""
    monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", f"scales={text}")
    with pytest.raises(SettingsError, match="HTTP_CLIENT_DEPENDENCIES") as error:
        load(HttpClientSettings)
    assert f"HTTP_CLIENT_DEPENDENCIES {must}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("variable", "text", "must"),
    [
        ("BALANCING", "ip_hash", "must be 'round_robin', 'weighted_round_robin', 'random'"),
        ("DISCOVERY_SECONDS", "0", "must be"),
        ("DISCOVERY_STALE_SECONDS", "nan", "must be"),
        ("REGISTRATION", "localhost:8500/links", "must be the agent of Consul and the name of this service"),
        ("REGISTRATION", "consul://localhost:8500", "must be the agent of Consul and the name of this service"),
        (
            "REGISTRATION",
            "consul://localhost:8500/my_links",
            "must be the agent of Consul and the name of this service",
        ),
        ("REGISTRATION", "consul://localhost/links?port=http", "and a port from 1 in the option port"),
        ("REGISTRATION", "consul://localhost/links?port=0", "and a port from 1 in the option port"),
        ("REGISTRATION", "consul://localhost/links?address=a/b", "must have a host in the option address"),
        ("REGISTRATION", "consul://localhost/links?check=/health", "must have a URL in the option check"),
    ],
)
def test_a_bad_setting_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, text: str, must: str) -> None:
    """With one sentence, too."""
    monkeypatch.setenv(f"HTTP_CLIENT_{variable}", text)
    with pytest.raises(SettingsError, match=must):
        load(HttpClientSettings)


def test_a_registration_needs_a_port_that_is_known() -> None:
    """With PORT=0 it is chosen at the start, and Consul would be told 0. The option `port` takes its place."""
    own = HttpClientSettings(registration="consul://localhost/links")
    with pytest.raises(SettingsError, match="PORT must not be 0 with HTTP_CLIENT_REGISTRATION"):
        verify(own, Settings(port=0))
    verify(own, Settings(port=1))
    verify(HttpClientSettings(registration="consul://localhost/links?port=81"), Settings(port=0))


def test_settings_tolerate_spaces_and_letter_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """As every setting does."""
    monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", " a=http://a:1 | http://b:2 , b = consul://agent/b ")
    monkeypatch.setenv("HTTP_CLIENT_BALANCING", " Least_Connections ")
    settings = load(HttpClientSettings)
    assert settings.dependencies == {"a": "http://a:1 | http://b:2", "b": "consul://agent/b"}
    assert settings.balancing == "least_connections"
