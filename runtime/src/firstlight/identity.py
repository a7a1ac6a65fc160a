"""The identity of the service: its answers in service.toml, and the installed version."""

import tomllib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import metadata, resources
from typing import Any

from .errors import ArrangementError
from .text import shown

ANSWERS = "service.toml"
REQUIRED = ("name", "title", "description", "owner", "slo", "processes")
WEB = "web"  # the process that `python -m <package>` runs
MANAGEMENT_PORT = 9464  # the default of WEB
# Resource attributes, by semantic convention.
SERVICE_NAME, SERVICE_VERSION = "service.name", "service.version"
INSTANCE_ID, ENVIRONMENT_NAME = "service.instance.id", "deployment.environment.name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Name, version and owner of the service, and its own defaults for settings."""

    name: str
    version: str
    title: str = ""
    description: str = ""
    owner: str = ""
    team: str = ""
    """The owner as a slug: who is notified of its alerts."""
    template_version: str = ""
    supported_until: date | None = None
    """The last day on which that version of the template is supported, in UTC. None where it is unknown."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Defaults of settings, by field name, such as `slo_availability`."""
    management_ports: Mapping[str, int] = field(default_factory=lambda: {WEB: MANAGEMENT_PORT})
    """The default management port of each kind of process."""

    package: str = ""
    """The package of the service, such as `acme_links`. Empty for a service that is no package."""
    instance: str = field(default_factory=lambda: str(uuid.uuid4()), compare=False)
    """`service.instance.id`: each process is one instance."""

    def details(self, revision: str) -> Mapping[str, Any]:
        """What `/health` says about the service."""
        return {
            "serviceId": self.name,
            "version": self.version,
            "releaseId": revision,
            "title": self.title,
            "description": self.description,
            "owner": self.owner,
        }

    def within(self, name: str, attributes: Mapping[str, str]) -> "Identity":
        """A copy with the name from the environment, and version and instance from the resource attributes, if set."""
        version, instance = (shown(attributes.get(key, "")) for key in (SERVICE_VERSION, INSTANCE_ID))
        return replace(
            self,
            name=shown(name) or self.name,
            version=version or self.version,
            instance=instance or self.instance,
        )

    @classmethod
    def of(cls, package: str) -> "Identity":
        """Read `service.toml` of a package. The version is that of the installed distribution of the same name.

        The file of an older version of the template lacks `team` and the table `template`.

        Raises `ArrangementError` if the file cannot be read or lacks another key, and
        `importlib.metadata.PackageNotFoundError` if the distribution is not installed.
        """
        answers = _answers(package)
        template = answers.get("template", {})
        return cls(
            name=answers["name"],
            package=package,
            version=metadata.version(answers["name"]),
            title=answers["title"],
            description=answers["description"],
            owner=answers["owner"],
            team=shown(str(answers.get("team", ""))),
            template_version=shown(str(template.get("version", ""))),
            supported_until=_day(template.get("supported_until"), package),
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


def _day(value: Any, package: str) -> date | None:
    if value is None or type(value) is date:
        return value
    msg = f"{ANSWERS} of the package {package}: supported_until of [template] must be a date, such as 2027-11-27"
    raise ArrangementError(msg)
