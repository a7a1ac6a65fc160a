"""The restricted profile of Kubernetes' Pod Security Standards, control by control.

Written from kubernetes.io/docs/concepts/security/pod-security-standards as of Kubernetes 1.37, because no API server is
here to ask. Restricted includes baseline; where both limit the same field, the stricter rule stands here.
"""

from collections.abc import Callable, Iterator
from typing import Any

Template = dict[str, Any]

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
SELINUX_TYPES = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
PROFILES = {"RuntimeDefault", "Localhost"}
APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"


def violations(template: Template) -> set[str]:
    """Name every control that a pod template breaks."""
    return {control for control, holds in CONTROLS.items() if not holds(template)}


def containers(template: Template) -> Iterator[dict[str, Any]]:
    """Every container, whatever its kind."""
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        yield from template["spec"].get(kind, ())


def contexts(template: Template) -> Iterator[dict[str, Any]]:
    """Every security context: the pod's first, then the containers'."""
    yield template["spec"].get("securityContext", {})
    yield from (container.get("securityContext", {}) for container in containers(template))


def effective(template: Template, field: str) -> list[Any]:
    """What holds for each container: its own value, or else the pod's."""
    pod, *own = contexts(template)
    return [context.get(field, pod.get(field)) for context in own]


def handlers(template: Template) -> Iterator[dict[str, Any]]:
    """Every request or connection a probe or a lifecycle hook makes."""
    for container in containers(template):
        probes = [container.get(f"{kind}Probe", {}) for kind in ("startup", "liveness", "readiness")]
        for handler in [*probes, *container.get("lifecycle", {}).values()]:
            yield from (handler[kind] for kind in ("httpGet", "tcpSocket") if kind in handler)


def _host_processes(template: Template) -> bool:
    return not any(context.get("windowsOptions", {}).get("hostProcess") for context in contexts(template))


def _host_namespaces(template: Template) -> bool:
    return not any(template["spec"].get(field) for field in ("hostNetwork", "hostPID", "hostIPC"))


def _privileged(template: Template) -> bool:
    return not any(context.get("privileged") for context in contexts(template))


def _host_ports(template: Template) -> bool:
    return not any(port.get("hostPort") for container in containers(template) for port in container.get("ports", ()))


def _host_of_handlers(template: Template) -> bool:
    return not any(handler.get("host") for handler in handlers(template))


def _apparmor(template: Template) -> bool:
    annotations = template.get("metadata", {}).get("annotations", {})
    named = [value for key, value in annotations.items() if key.startswith(APPARMOR_ANNOTATION)]
    types = [context["appArmorProfile"].get("type") for context in contexts(template) if "appArmorProfile" in context]
    return set(types) <= PROFILES and all(
        name in {"", "runtime/default"} or name.startswith("localhost/") for name in named
    )


def _selinux(template: Template) -> bool:
    options = [context.get("seLinuxOptions", {}) for context in contexts(template)]
    return all(
        option.get("type") in SELINUX_TYPES and not option.get("user") and not option.get("role") for option in options
    )


def _proc_mount(template: Template) -> bool:
    return all(context.get("procMount", "Default") == "Default" for context in contexts(template))


def _sysctls(template: Template) -> bool:
    return {sysctl["name"] for context in contexts(template) for sysctl in context.get("sysctls", ())} <= SYSCTLS


def _volumes(template: Template) -> bool:
    return all(volume.keys() - {"name"} <= VOLUMES for volume in template["spec"].get("volumes", ()))


def _escalation(template: Template) -> bool:
    _, *own = contexts(template)
    return all(context.get("allowPrivilegeEscalation") is False for context in own)


def _non_root(template: Template) -> bool:
    return all(value is True for value in effective(template, "runAsNonRoot"))


def _non_root_user(template: Template) -> bool:
    return all(context.get("runAsUser") != 0 for context in contexts(template))


def _seccomp(template: Template) -> bool:
    given = [context["seccompProfile"].get("type") for context in contexts(template) if "seccompProfile" in context]
    return set(given) <= PROFILES and None not in effective(template, "seccompProfile")


def _capabilities(template: Template) -> bool:
    _, *own = contexts(template)
    capabilities = [context.get("capabilities", {}) for context in own]
    return all(
        "ALL" in each.get("drop", ()) and {*each.get("add", ())} <= {"NET_BIND_SERVICE"} for each in capabilities
    )


CONTROLS: dict[str, Callable[[Template], bool]] = {
    "HostProcess": _host_processes,
    "Host Namespaces": _host_namespaces,
    "Privileged Containers": _privileged,
    "Host Ports": _host_ports,
    "Host Probes / Lifecycle Hooks": _host_of_handlers,
    "AppArmor": _apparmor,
    "SELinux": _selinux,
    "/proc Mount Type": _proc_mount,
    "Sysctls": _sysctls,
    "Volume Types": _volumes,
    "Privilege Escalation": _escalation,
    "Running as Non-root": _non_root,
    "Running as Non-root user": _non_root_user,
    "Seccomp": _seccomp,
    "Capabilities": _capabilities,
}
