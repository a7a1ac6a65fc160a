"""Pods are restricted, and the controls that say so find what is planted."""

import pytest
from delivery.kubernetes.manifests import Object, planted, pod
from delivery.kubernetes.pod_security import CONTROLS, violations


def test_pods_are_restricted(emitted: list[Object]) -> None:
    """And their root file system stays as it was built, and nobody gives them a token."""
    assert violations(pod(emitted)) == set()
    spec = pod(emitted)["spec"]
    (container,) = spec["containers"]
    assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["runAsGroup"]) == (10001, 10001)
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/tmp"}  # noqa: S108  (where it is)
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False


CONTAINER = ("spec", "containers", 0)
CONTEXT = (*CONTAINER, "securityContext")
POD_CONTEXT = ("spec", "securityContext")
FORBIDDEN: list[tuple[str, tuple[str | int, ...], object]] = [
    ("HostProcess", (*POD_CONTEXT, "windowsOptions"), {"hostProcess": True}),
    ("HostProcess", (*CONTEXT, "windowsOptions"), {"hostProcess": True}),
    ("Host Namespaces", ("spec", "hostNetwork"), True),
    ("Host Namespaces", ("spec", "hostPID"), True),
    ("Host Namespaces", ("spec", "hostIPC"), True),
    ("Privileged Containers", (*CONTEXT, "privileged"), True),
    ("Host Ports", (*CONTAINER, "ports", 0, "hostPort"), 8000),
    ("Host Probes / Lifecycle Hooks", (*CONTAINER, "livenessProbe", "httpGet", "host"), "10.0.0.1"),
    ("Host Probes / Lifecycle Hooks", (*CONTAINER, "lifecycle", "postStart"), {"tcpSocket": {"host": "x", "port": 1}}),
    ("AppArmor", (*POD_CONTEXT, "appArmorProfile"), {"type": "Unconfined"}),
    ("AppArmor", (*CONTEXT, "appArmorProfile"), {"type": "Unconfined"}),
    ("AppArmor", ("metadata", "annotations", "container.apparmor.security.beta.kubernetes.io/service"), "unconfined"),
    ("SELinux", (*POD_CONTEXT, "seLinuxOptions"), {"type": "spc_t"}),
    ("SELinux", (*CONTEXT, "seLinuxOptions"), {"user": "root"}),
    ("SELinux", (*CONTEXT, "seLinuxOptions"), {"role": "sysadm_r"}),
    ("/proc Mount Type", (*CONTEXT, "procMount"), "Unmasked"),
    ("Sysctls", (*POD_CONTEXT, "sysctls"), [{"name": "kernel.msgmax", "value": "1"}]),
    ("Volume Types", ("spec", "volumes", 0, "hostPath"), {"path": "/"}),
    ("Volume Types", ("spec", "volumes", 0, "nfs"), {"server": "x", "path": "/"}),
    ("Privilege Escalation", (*CONTEXT, "allowPrivilegeEscalation"), True),
    ("Privilege Escalation", (*CONTEXT, "allowPrivilegeEscalation"), None),
    ("Running as Non-root", (*POD_CONTEXT, "runAsNonRoot"), None),
    ("Running as Non-root", (*CONTEXT, "runAsNonRoot"), False),
    ("Running as Non-root user", (*POD_CONTEXT, "runAsUser"), 0),
    ("Running as Non-root user", (*CONTEXT, "runAsUser"), 0),
    ("Seccomp", (*POD_CONTEXT, "seccompProfile"), {"type": "Unconfined"}),
    ("Seccomp", (*CONTEXT, "seccompProfile"), {"type": "Unconfined"}),
    ("Capabilities", (*CONTEXT, "capabilities"), {}),
    ("Capabilities", (*CONTEXT, "capabilities"), {"drop": ["NET_RAW"]}),
    ("Capabilities", (*CONTEXT, "capabilities"), {"drop": ["ALL"], "add": ["SYS_TIME"]}),
]


@pytest.mark.parametrize(("control", "path", "value"), FORBIDDEN)
def test_each_control_finds_its_fault(
    emitted: list[Object], control: str, path: tuple[str | int, ...], value: object
) -> None:
    """Each planted fault is found by its control and by no other."""
    assert violations(planted(pod(emitted), path, value)) == {control}


def test_every_control_is_tested(emitted: list[Object]) -> None:
    """In every kind of container, too: one more, with nothing said, breaks what is said per container."""
    assert {control for control, _, _ in FORBIDDEN} == set(CONTROLS)
    for kind in ("initContainers", "ephemeralContainers"):
        more = planted(pod(emitted), ("spec", kind), [{"name": "x", "image": "x"}])
        assert violations(more) == {"Privilege Escalation", "Capabilities"}
    bare = planted(pod(emitted), POD_CONTEXT, {})
    assert violations(bare) == {"Running as Non-root", "Seccomp"}
