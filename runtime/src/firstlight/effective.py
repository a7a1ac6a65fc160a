"""The effective value of every setting of a service, its source, and what is wrong with it."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import orjson
from pydantic import SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from pydantic_settings import SettingsError as UnreadableError

from .errors import SettingsError
from .identity import ANSWERS, WEB
from .logs.redaction import REDACTED, is_denied, redact_text
from .refusals import sentence, variable
from .service import Service
from .settings import Settings
from .settings.complaints import complaints
from .settings.source import Environment

Digest = Callable[[str], str]

NOT_SET = "not set"
SET = "set"  # printed in place of the value of a secret
_REMOVED = "\ue000"  # a private-use character, which no value contains
_CREDENTIALS = re.compile(r"(://)[^\s\"',]*@")  # up to the last @: a password may hold any character


def _none(_: str) -> str:
    return ""


class Setting(NamedTuple):
    """One setting. `fault` says what a bad value must be; `note` says which part of the value is ignored.

    `digest` stands for the whole value, also of a secret, where a function for it was given.
    """

    variable: str
    value: str
    source: str
    fault: str
    note: str
    digest: str = ""


class Part(NamedTuple):
    """The settings of one part of the service. `faults` are those that concern several settings."""

    title: str
    settings: Sequence[Setting]
    faults: Sequence[str]


def parts(service: Service, sources: Mapping[str, str], digest: Digest = _none) -> Iterator[Part]:
    """The service's own settings, those of the platform, and those of each component.

    `sources` has, by variable name, the source of each variable that is not from the real environment. `digest` is
    called with each value that is set.
    """
    answers = {**service.identity.defaults, "management_port": service.management_ports[WEB]}
    every = _part("", service.settings, answers, sources, digest)
    own = [variable(service.settings, name) for name in service.settings.model_fields.keys() - Settings.model_fields]
    yield every._replace(title=service.identity.name, settings=[s for s in every.settings if s.variable in own])
    yield Part("platform", [setting for setting in every.settings if setting.variable not in own], ())
    for component in service.components:
        if component.settings.model_fields:
            yield _part(component.name, component.settings, {}, sources, digest)


def _part(
    title: str, kind: type[BaseSettings], answers: Mapping[str, Any], sources: Mapping[str, str], digest: Digest
) -> Part:
    given, faults = _given(kind)
    present = given.keys() | faults.keys()
    values = _values(kind, {**answers, **given}, faults)
    notes = {each.variable: f"{each.reason}: {each.instead}" for each in complaints(os.environ)}
    settings = []
    for name, field in kind.model_fields.items():
        named = variable(kind, name)
        keys = {name, field.alias, field.validation_alias}
        source = "default"
        if keys & present:
            source = sources.get(named, "environment")
        elif name in answers:
            source = ANSWERS
        value = values.get(name)
        whole = digest(raw) if (raw := _raw(value)) else ""
        settings.append(
            Setting(named, _shown(named, field, value), source, faults.pop(name, ""), notes.get(named, ""), whole)
        )
    return Part(title, settings, list(faults.values()))


def _given(kind: type[BaseSettings]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values in the environment, and the faults of fields whose value cannot be parsed."""
    faults: dict[str, str] = {}
    source = Environment(kind)
    while True:
        try:
            return source(), faults
        except UnreadableError as error:
            name = str(error).split('"')[1]
            named = variable(kind, name)
            cause = error.__cause__
            faults[name] = str(cause) if isinstance(cause, SettingsError) else f"{named} must be JSON"
            source.env_vars = {key: value for key, value in source.env_vars.items() if key.upper() != named}


def _values(kind: type[BaseSettings], inputs: Mapping[str, Any], faults: dict[str, str]) -> Mapping[str, Any]:
    """The effective value of each field; the value as given where it is refused."""
    instance: BaseSettings | None = None
    good = dict(inputs)
    for _ in range(2):  # the second time without the refused values
        try:
            instance = _reading_nothing(kind)(**good)
            break
        except ValidationError as error:
            details = [detail for detail in error.errors() if detail["type"] != "default_factory_not_called"]
            for detail in details:
                name = str(detail["loc"][0]) if detail["loc"] else ""
                faults.setdefault(name, sentence(kind, detail))
                good.pop(name, None)
    made = {name: getattr(instance, name) for name in kind.model_fields} if instance is not None else {}
    defaults = {name: field.default for name, field in kind.model_fields.items() if field.default_factory is None}
    refused = {name: inputs[name] for name in faults if name in inputs}
    return {**defaults, **inputs, **made, **refused}


def _reading_nothing(kind: type[BaseSettings]) -> type[BaseSettings]:
    """The same class without its sources: it reads neither the environment nor files."""

    def sources(_: Any, __: Any, init_settings: PydanticBaseSettingsSource, **___: object) -> tuple[Any, ...]:
        return (init_settings,)

    only: Any = classmethod(cast("Any", sources))
    return type(kind.__name__, (kind,), {"settings_customise_sources": only, "__module__": __name__})


def _shown(named: str, field: FieldInfo, value: Any) -> str:
    text = _text(value)
    if _is_secret(named, field, value):
        return SET if text else NOT_SET
    without = redact_text(
        _CREDENTIALS.sub(rf"\1{_REMOVED}", text)
    )  # which takes what is left of them for a mail address
    return without.replace(_REMOVED, f"{REDACTED}@") if text else NOT_SET


def _raw(value: Any) -> str:
    if isinstance(value, SecretBytes):
        return value.get_secret_value().decode(errors="surrogateescape")
    return value.get_secret_value() if isinstance(value, SecretStr) else _text(value)


def _text(value: Any) -> str:
    if value is None or repr(value) == "PydanticUndefined":
        return ""
    if isinstance(value, SecretStr | SecretBytes):
        return SET if value.get_secret_value() else ""
    if isinstance(value, bool | dict | list | tuple):
        shown = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        return "" if shown in {"{}", "[]"} else shown
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return str(value)


def _is_secret(named: str, field: FieldInfo, value: Any) -> bool:
    if "Secret" in str(field.annotation) or isinstance(value, SecretStr | SecretBytes):
        return True
    known = isinstance(value, bool | int | float)
    return not known and (is_denied(named) or named.endswith("HEADERS"))
