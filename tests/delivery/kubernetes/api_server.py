"""A small Kubernetes API for the real kubectl: it stores what is applied, and plays what controllers would say.

It knows the kinds that a service has, generations of objects, the history of Deployments, and scales. A Rollout goes
through the phases that a test gives, one a look. It checks neither schemas nor rights.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Object = dict[str, Any]

ARGO = "argoproj.io/v1alpha1"
KINDS = {
    "v1": ["Namespace", "ServiceAccount", "ConfigMap", "Secret", "Service"],
    "apps/v1": ["Deployment", "ReplicaSet"],
    "autoscaling/v2": ["HorizontalPodAutoscaler"],
    "policy/v1": ["PodDisruptionBudget"],
    "networking.k8s.io/v1": ["NetworkPolicy"],
    "batch/v1": ["Job"],
    "monitoring.coreos.com/v1": ["ServiceMonitor"],
    ARGO: ["Rollout", "AnalysisTemplate"],
}
PATH = re.compile(
    r"/(?:api|apis)/(?P<group>v1|[^/]+/v[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[^/?]+))?(?:/(?P<part>scale))?$"
)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
REVISION = "deployment.kubernetes.io/revision"


def plural(kind: str) -> str:
    """Name a kind as addresses do."""
    return kind.lower().removesuffix("y") + ("ies" if kind.endswith("y") else "s")


def place(group: str) -> str:
    """Name the address of a group and version."""
    return f"/apis/{group}" if "/" in group else f"/api/{group}"


@dataclass
class Cluster:
    """What is stored, by kind and name, and what is to be said. All is in one namespace."""

    argo: bool = True
    phases: list[Object] = field(default_factory=list)  # statuses of the Rollout: each is said once
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    @property
    def groups(self) -> dict[str, list[str]]:
        """The kinds that it knows, by group and version."""
        return {group: kinds for group, kinds in KINDS.items() if self.argo or group != ARGO}

    def see(self, plural_: str, name: str, command: str) -> Object | None:
        """Read an object, as controllers have left it. After something has changed, each `kubectl get` sees a phase."""
        found = self.objects.get((plural_, name))
        if not found or plural_ != "rollouts":
            return found
        next_one = self.asked and command == "kubectl get" and len(self.phases) > 1
        return found | {"status": self._status(found, name, self.phases.pop(0) if next_one else self.phases[0])}

    def _status(self, rollout: Object, name: str, said: Object) -> Object:
        """The controller has seen the newest Deployment and Rollout, unless the phase says otherwise."""
        seen = {
            "observedGeneration": str(rollout["metadata"]["generation"]),
            "workloadObservedGeneration": str(self.objects["deployments", name]["metadata"]["generation"]),
        }
        return seen | said

    def keep(self, plural_: str, changed: Object) -> Object:
        """Store an object: its spec makes its generation, and a Deployment's template its history."""
        name = changed["metadata"]["name"]
        before = self.objects.get((plural_, name))
        old = before["metadata"]["generation"] if before else 0
        more = before is None or before.get("spec") != changed.get("spec")
        own = {"generation": old + more, "resourceVersion": str(len(self.asked)), "uid": f"uid-{name}"}
        changed["metadata"] |= own
        if plural_ == "deployments":
            changed["spec"].setdefault("replicas", before["spec"]["replicas"] if before else 1)
            changed["status"] = self._ready(changed)
            if before is None or before["spec"]["template"] != changed["spec"]["template"]:
                self._revise(changed)
        self.objects[plural_, name] = changed
        return changed

    def _revise(self, deployment: Object) -> None:
        """Make a ReplicaSet of the template, with the next revision."""
        sets = [each for (kind, _), each in self.objects.items() if kind == "replicasets"]
        name, revision = f"{deployment['metadata']['name']}-{len(sets)}", str(len(sets) + 1)
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment["metadata"]["name"]}
        metadata = {
            "name": name,
            "uid": f"uid-{name}",
            "namespace": deployment["metadata"]["namespace"],
            "labels": deployment["spec"]["template"]["metadata"]["labels"],
            "annotations": {REVISION: revision},
            "ownerReferences": [owner | {"uid": deployment["metadata"]["uid"], "controller": True}],
            "creationTimestamp": f"2026-11-27T00:00:{len(sets):02}Z",
        }
        spec = {key: deployment["spec"][key] for key in ("selector", "template")}
        said = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata}
        self.objects["replicasets", name] = said | {"spec": spec | {"replicas": 0}, "status": {"replicas": 0}}
        deployment["metadata"].setdefault("annotations", {})[REVISION] = revision

    def _ready(self, deployment: Object) -> Object:
        replicas = deployment["spec"]["replicas"]
        return {
            "observedGeneration": deployment["metadata"]["generation"],
            **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas),
        }


def merged(target: Object, patch: Object) -> Object:
    """Merge as RFC 7386 says. What kubectl applies it also sends whole, in an annotation: take that for the spec."""
    whole = patch.get("metadata", {}).get("annotations", {}).get(LAST_APPLIED)
    if whole:
        applied = json.loads(whole)
        patch = patch | {key: applied[key] for key in ("spec", "data") if key in applied and key in patch}
        if "spec" in patch and "replicas" in target.get("spec", {}):
            patch["spec"].setdefault("replicas", target["spec"]["replicas"])
        target = target | {"spec": {}} if "spec" in patch else target
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def replaced(target: Object, operations: list[Object]) -> Object:
    """Patch as RFC 6902 says, as far as `rollout undo` needs it."""
    result: Object = json.loads(json.dumps(target))
    for operation in operations:
        *way, last = operation["path"].strip("/").split("/")
        place = result
        for step in way:
            place = place.setdefault(step, {})
        assert operation["op"] in {"add", "replace"}, operation
        place[last] = operation["value"]
    return result


class Handler(BaseHTTPRequestHandler):
    """The API's addresses."""

    cluster: Cluster
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Discovery, objects, lists."""
        path = self.path.partition("?")[0]
        if path in self._discovery():
            return self._say(self._discovery()[path])
        return self._object(path) if PATH.match(path) else self._missing("no such address")

    def do_POST(self) -> None:
        """A new object."""
        found = self._found()
        self._say(self.cluster.keep(found["plural"], self._body()), 201)

    def do_PATCH(self) -> None:
        """A changed object."""
        found, change = self._found(), self._body()
        held = self.cluster.objects[found["plural"], found["name"]]
        if found["part"]:
            change = {"spec": {"replicas": change["spec"]["replicas"]}}
        new = replaced(held, change) if isinstance(change, list) else merged(held, change)
        kept = self.cluster.keep(found["plural"], new)
        self._say(self._scale(kept) if found["part"] else kept)

    def _object(self, path: str) -> None:
        found = self._match(path)
        kind = next(k for k in self.cluster.groups.get(found["group"], []) if plural(k) == found["plural"])
        if found["name"] is None:
            items = [each for (name, _), each in self.cluster.objects.items() if name == found["plural"]]
            return self._say({"kind": f"{kind}List", "apiVersion": found["group"], "metadata": {}, "items": items})
        seen = self.cluster.see(found["plural"], found["name"], self.headers.get("Kubectl-Command", ""))
        if seen is None:
            return self._missing(f'{found["plural"]} "{found["name"]}" not found')
        return self._say(self._scale(seen) if found["part"] else seen)

    def _scale(self, held: Object) -> Object:
        replicas = held["spec"].get("replicas", 1)
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {key: held["metadata"].get(key) for key in ("name", "namespace", "resourceVersion")},
            "spec": {"replicas": replicas},
            "status": {"replicas": replicas},
        }

    def _discovery(self) -> dict[str, Object]:
        groups = self.cluster.groups
        named = [group.split("/") for group in groups if "/" in group]
        listed = [
            {"name": name, "versions": [version], "preferredVersion": version}
            for name, of in named
            for version in [{"groupVersion": f"{name}/{of}", "version": of}]
        ]
        return {
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed},
            "/version": {"major": "1", "minor": "32", "gitVersion": "v1.32.0"},
            "/openapi/v3": {"paths": {at[1:]: {"serverRelativeURL": f"/openapi/v3{at}"} for at in map(place, groups)}},
            **{place(group): self._kinds(group) for group in groups},
            **{f"/openapi/v3{place(group)}": self._schema(group) for group in groups},
        }

    def _schema(self, group: str) -> Object:
        """Say that the server checks fields, or kubectl would check them by schemas that are not here."""
        name, _, version = group.rpartition("/")
        checked = {"parameters": [{"name": "fieldValidation", "in": "query"}]}
        kinds = {kind: {"group": name, "version": version, "kind": kind} for kind in self.cluster.groups[group]}
        paths = {
            f"{place(group)}/{plural(kind)}/{{name}}": {"patch": checked | {"x-kubernetes-group-version-kind": of}}
            for kind, of in kinds.items()
        }
        return {"openapi": "3.0.0", "info": {"title": group, "version": version}, "paths": paths}

    def _kinds(self, group: str) -> Object:
        verbs = ["create", "get", "list", "patch", "update", "watch"]
        kinds = [
            {"name": name, "singularName": "", "namespaced": kind != "Namespace", "kind": kind, "verbs": verbs}
            for kind in self.cluster.groups[group]
            for name in (plural(kind), *([f"{plural(kind)}/scale"] if kind in {"Deployment", "Rollout"} else []))
        ]
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": kinds}

    def _match(self, path: str) -> dict[str, Any]:
        matched = PATH.match(path)
        assert matched, path
        return matched.groupdict()

    def _found(self) -> dict[str, Any]:
        found = self._match(self.path.partition("?")[0])
        self.cluster.asked.append(" ".join(filter(None, (self.command, found["plural"], found["name"], found["part"]))))
        return found

    def _body(self) -> Any:  # noqa: ANN401  (an object, or a list of operations)
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _missing(self, message: str) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        self._say(status | {"message": message}, 404)

    def _say(self, answer: Object, status: int = 200) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(cluster: Cluster) -> Iterator[Cluster]:
    """Serve it on a free port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Of", (Handler,), {"cluster": cluster})) as server:
        cluster.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield cluster
        finally:
            server.shutdown()
            thread.join()
