"""DATABASE_INSTANCES against the autoscaler of each overlay."""

from pathlib import Path

import pytest

from firstlight.checks import Project
from firstlight.checks.instances import few

OVERLAY = "deploy/kubernetes/overlays/production"
OPERATION = "[{op: replace, path: /spec/maxReplicas, value: 4}]"
PART = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {maxReplicas: 4}}"
NO_PATCH = "[]"


def project(root: Path, settings: str, patches: str, components: tuple[str, ...] = ("database",)) -> Project:
    """A service with an autoscaler of ten pods, and one overlay."""
    base = root / "deploy/kubernetes/base"
    base.mkdir(parents=True)
    (base / "autoscaler.yaml").write_text("spec: {maxReplicas: 10}\n")
    container = "{name: a, env: [{name: PORT, value: '8000'}]}"
    (base / "deployment.yaml").write_text(f"spec: {{template: {{spec: {{containers: [{container}]}}}}}}\n")
    (root / OVERLAY).mkdir(parents=True)
    (root / OVERLAY / "settings.env").write_text(settings)
    (root / OVERLAY / "kustomization.yaml").write_text(f"patches: {patches}\n")
    service = {"components": list(components)}
    return Project(root=root, package="acme", slug="acme", service=service, pyproject={})


@pytest.mark.parametrize(
    ("settings", "patches", "needed"),
    [
        ("DATABASE_INSTANCES=10\n", NO_PATCH, None),
        ("DATABASE_INSTANCES=12\n", NO_PATCH, None),
        ("DATABASE_INSTANCES=9\n", NO_PATCH, 10),
        ("LOG_LEVEL=info\n", NO_PATCH, 10),
        ("DATABASE_INSTANCES=4\n", f"[{{target: {{kind: HorizontalPodAutoscaler}}, patch: '{OPERATION}'}}]", None),
        ("DATABASE_INSTANCES=3\n", f"[{{target: {{kind: HorizontalPodAutoscaler}}, patch: '{OPERATION}'}}]", 4),
        ("DATABASE_INSTANCES=3\n", f"[{{patch: '{PART}'}}]", 4),
        ("DATABASE_INSTANCES=10\n", "[{target: {kind: Deployment}, patch: '[]'}, {path: more.yaml}]", None),
    ],
)
def test_instances_follow_the_autoscaler(tmp_path: Path, settings: str, patches: str, needed: int | None) -> None:
    """The patches of the overlay count, in both forms."""
    found = list(few(project(tmp_path, settings, patches)))

    assert [finding.file for finding in found] == ([f"{OVERLAY}/settings.env"] if needed else [])
    for finding in found:
        assert finding.sentence.startswith(f"DATABASE_INSTANCES must be at least {needed}, as the autoscaler")


def test_a_service_without_a_database_needs_no_instances(tmp_path: Path) -> None:
    """Nothing is compared."""
    assert not list(few(project(tmp_path, "", NO_PATCH, components=())))
