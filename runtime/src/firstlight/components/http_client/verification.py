"""Refuses settings and declarations that do not fit together, before anything is opened."""

from collections.abc import Collection, Sequence

from ...errors import SettingsError
from ...settings import Settings
from .dependency import Dependency
from .discovery.registration import Registration
from .settings import HttpClientSettings
from .tls import CA_FILES, CERTIFICATE_FILES, KEY_FILES, Tls


def verify(
    settings: HttpClientSettings,
    service: Settings,
    *,
    declared: Sequence[Dependency] = (),
    given: Collection[str] = (),
) -> None:
    """Raise `SettingsError` with one sentence. Dependencies in `given` are replaced and need no address."""
    _verify_port(settings, service)
    known = {*settings.dependencies, *given}
    missing = [dependency.name for dependency in declared if dependency.name not in known]
    if missing:
        msg = f"HTTP_CLIENT_DEPENDENCIES must have the address of {missing[0]}, as {missing[0]}=https://host"
        raise SettingsError(msg)
    _verify_files(settings, known)


def _verify_port(settings: HttpClientSettings, service: Settings) -> None:
    if settings.registration and service.port == 0 and not Registration.parse(settings.registration).has_port:
        msg = "PORT must not be 0 with HTTP_CLIENT_REGISTRATION, whose option port may name the port of a proxy instead"
        raise SettingsError(msg)


def _verify_files(settings: HttpClientSettings, known: Collection[str]) -> None:
    files = {CA_FILES: settings.ca_files, CERTIFICATE_FILES: settings.certificate_files, KEY_FILES: settings.key_files}
    for variable, named in files.items():
        for name in named:
            if name not in known:
                msg = f"{variable} names {name}, which HTTP_CLIENT_DEPENDENCIES does not have"
                raise SettingsError(msg)
    for name in settings.key_files:
        if name not in settings.certificate_files:
            msg = f"{CERTIFICATE_FILES} must have the certificate for {name}, as {KEY_FILES} has its key"
            raise SettingsError(msg)
    for name in {*settings.ca_files, *settings.certificate_files}:
        Tls(name, *(named.get(name) for named in files.values()))
