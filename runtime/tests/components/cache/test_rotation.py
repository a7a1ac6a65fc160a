"""REDIS_URL_FILE: a new password, and another server, without a restart."""

from functools import partial
from pathlib import Path

import pytest

from firstlight.components.cache import CacheSettings
from firstlight.components.cache.destination import Destination
from firstlight.components.cache.settings import verify
from firstlight.errors import SettingsError
from firstlight.settings import Settings
from firstlight.testing.redis import RedisProcess

from .kept import LINKS, Source, link, opened, until, used

pytestmark = pytest.mark.anyio


async def test_a_new_password_needs_no_restart(tmp_path: Path) -> None:
    """The connections of before are replaced, and no read fails."""
    file = tmp_path / "url"
    with RedisProcess(password="first pass") as server:  # noqa: S106
        file.write_text(f"{server.url()}\n")
        async with opened(redis_url_file=file, cache_drift_seconds=0.5) as caches:
            await used(caches, Source())
            before = _connections(server)
            server.command("CONFIG", "SET", "requirepass", "second pass")
            server.password = "second pass"  # noqa: S105
            file.write_text(server.url())
            for old in before:
                await until(partial(_is_gone, server, old))
            await used(caches, Source())


def _is_gone(server: RedisProcess, connection: str) -> bool:
    return connection not in _connections(server)


def _connections(server: RedisProcess) -> set[str]:
    """The numbers of the connections of other programs than this one."""
    return {line.split()[0] for line in server.command("CLIENT", "LIST").splitlines() if "cmd=client" not in line}


async def test_another_server_is_used_when_the_file_names_it(tmp_path: Path, redis: RedisProcess) -> None:
    """What the old one has is not read any more."""
    file = tmp_path / "url"
    file.write_text(redis.url(0))
    async with opened(redis_url_file=file, cache_drift_seconds=0.5) as caches:
        await caches.put(LINKS, "a", link("a"))
        assert await caches.get(LINKS, "a") == link("a")
        file.write_text(redis.url(1))
        while await caches.get(LINKS, "a") is not None:
            await until(lambda: caches.levels.tracking and caches.levels.tracking.is_up)
        await used(caches, Source())

    assert "sample:development:cache:links:used" in redis.command("KEYS", "*", database=1)
    assert redis.command("KEYS", "*:cache:*:used*") == ""


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"redis_url_file": "nowhere"},
            (
                "REDIS_URL_FILE must name a readable file with one URL: "
                "'nowhere' cannot be read (No such file or directory)"
            ),
        ),
        (
            {"redis_url": "redis://a", "redis_url_file": "nowhere"},
            "REDIS_URL and REDIS_URL_FILE are both set; set only one of them",
        ),
        (
            {"redis_url": "rediss://a", "redis_tls": "off"},
            "REDIS_TLS is off, and the URL of Redis asks for TLS: write redis://, or another REDIS_TLS",
        ),
        (
            {"redis_tls_ca_file": "x"},
            "REDIS_TLS_CA_FILE must be a readable file with certificates in PEM, not 'x': No such file or directory",
        ),
    ],
)
def test_settings_that_cannot_work_stop_the_start(settings: dict[str, str], sentence: str) -> None:
    """With one sentence."""
    with pytest.raises(SettingsError) as refused:
        verify(CacheSettings.model_validate(settings), Settings())
    assert str(refused.value) == sentence


def test_a_file_cannot_ask_for_tls_that_is_switched_off(tmp_path: Path) -> None:
    """The address of before stays: the password would be sent as plain text."""
    file = tmp_path / "url"
    file.write_text("redis://first")
    settings = CacheSettings(redis_url_file=file, redis_tls="off")
    assert settings.address is not None
    destination = Destination(settings, settings.address)
    file.write_text("rediss://:word@second")
    assert not destination.has_changed()
    assert destination.address.host == "first"
