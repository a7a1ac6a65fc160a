"""All checks, in the order in which they run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import (
    contract,
    dashboards,
    deployments,
    environment,
    hosts,
    image,
    index,
    manifests,
    openapi,
    page,
    pipelines,
    rules,
    schema,
    source,
    stack,
    vendor,
)
from .finding import Finding
from .project import Project


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the files of a service."""

    name: str
    summary: str
    findings: Callable[[Project], Iterator[Finding]]


CHECKS = (
    Check("vendor", "vendor/firstlight is as it was delivered", vendor.findings),
    Check("index", "the runtime does not come from the public index", index.findings),
    Check("page", "service.py and service.toml name the same components", page.findings),
    Check("source", "imports, names, sizes and state in src", source.findings),
    Check("contract", "the contract holds what src logs and counts", contract.findings),
    Check("openapi", "openapi.json is the OpenAPI document of the service", openapi.findings),
    Check("schema", "tables and migrations agree, and migrations expand before they contract", schema.findings),
    Check("environment", ".env.example and README name the variables that the service reads", environment.findings),
    Check("rules", "alert rules read what the contract names, and have runbooks", rules.findings),
    Check("dashboards", "dashboards are rendered, and read what the contract names", dashboards.findings),
    Check("stack", "compose.yaml and what it starts fit together", stack.findings),
    Check("image", "the Dockerfile runs as no root, drains, and names its bases", image.findings),
    Check("pipelines", "pipelines run and require the checks, with pins and few rights", pipelines.findings),
    Check("deployments", "paths, ports and variables in deploy/ exist", deployments.findings),
    Check("manifests", "deploy/kubernetes fits the service", manifests.findings),
    Check("hosts", "deploy/ansible fits the service", hosts.findings),
)
