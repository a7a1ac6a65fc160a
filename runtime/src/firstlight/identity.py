"""Who the service is: the answers that it was generated from, and the version that is installed."""

import tomllib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata, resources
from typing import Any

from .errors import ArrangementError
from .text import shown

ANSWERS = "service.toml"
REQUIRED = ("name", "title", "description", "owner", "slo", "processes")
WEB = "web"  # the process that `python -m <package>` runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Name, version and owner of the service, and the defaults that its answers give to settings."""

    name: str
    version: str
    title: str = ""
    description: str = ""
    owner: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Defaults of the settings, by field."""
    management_ports: Mapping[str, int] = field(default_factory=lambda: {WEB: 9464})
    """The management port of each kind of process."""

    instance: str = field(default_factory=lambda: str(uuid.uuid4()), compare=False)
    """`service.instance.id`: one process is one instance."""

    def within(self, name: str, attributes: Mapping[str, str]) -> "Identity":
        """The same with the name that the environment gives, and with version and instance of resource attributes."""
        version, instance = (shown(attributes.get(key, "")) for key in ("service.version", "service.instance.id"))
        return replace(
            self,
            name=shown(name) or self.name,
            version=version or self.version,
            instance=instance or self.instance,
        )

    @classmethod
    def of(cls, package: str) -> "Identity":
        """Read `service.toml` of a package. Its version is that of the installed distribution with the same name.

        Raises `ArrangementError`.
        """
        answers = _answers(package)
        return cls(
            name=answers["name"],
            version=metadata.version(answers["name"]),
            title=answers["title"],
            description=answers["description"],
            owner=answers["owner"],
            defaults={f"slo_{objective}": value for objective, value in answers["slo"].items()},
            management_ports=answers["processes"],
        )


def _answers(package: str) -> Mapping[str, Any]:
    try:
        answers = tomllib.loads(resources.files(package).joinpath(ANSWERS).read_text("utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{ANSWERS} of the package {package} cannot be read: {error}"
        raise ArrangementError(msg) from None
    for name in REQUIRED:
        if name not in answers:
            msg = f"{ANSWERS} of the package {package} lacks {name}; the template wrote it, so take it from there"
            raise ArrangementError(msg)
    return answers
