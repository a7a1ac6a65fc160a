#!/usr/bin/env bash
# Deploy a published image to an environment. When it does not become ready, roll back automatically:
# make deploy-kubernetes ENVIRONMENT=staging IMAGE=registry.example.com/<%= cookiecutter.project_slug %> DIGEST=sha256:...
set -euo pipefail
cd "$(dirname "$0")"

stop() { printf '%s\n' "$*" >&2; exit 1; }
tell() { printf '%s\n' "$*" | tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}"; }

environments=$(cd overlays && echo *)
[[ " $environments " == *" ${ENVIRONMENT:-none} "* ]] || stop "ENVIRONMENT must be one of $environments."
[[ ${IMAGE:-} =~ ^[^/[:space:]]+/[^@[:space:]]+$ ]] || stop "IMAGE must be a registry and a name, such as registry.example.com/<%= cookiecutter.project_slug %>."
[[ ${DIGEST:-} =~ ^sha256:[0-9a-f]{64}$ ]] || stop "DIGEST must be the digest of the image: sha256: and 64 hexadecimal digits."
name=<%= cookiecutter.project_slug %>
overlay=overlays/$ENVIRONMENT
namespace=$(sed -n 's/^namespace: //p' "$overlay/kustomization.yaml")
deployments=("$name"<% for process in processes(cookiecutter.components) %> "$name-<%= process.name %>"<% endfor %>)

rollout() { kubectl --namespace "$namespace" rollout "$1" "deployment/$2" "${@:3}"; }
# All Deployments, one after another. They are released together and rolled back together.
ready() { for each in "${deployments[@]}"; do rollout status "$each" --timeout=10m || return; done; }
back() {
  local status=0
  for each in "${deployments[@]}"; do rollout undo "$each" || status=1; done
  ready && return "$status"
}

release=$(mktemp -d ./release.XXXXXX)
trap 'rm -r "$release"' EXIT
cat >"$release/kustomization.yaml" <<END
resources:
  - ../$overlay
images:
  - name: $name
    newName: $IMAGE
    digest: $DIGEST
END
<% for _ in before_release(cookiecutter.components)[:1] %>
# A command that fails ends the release here.
commands/run.sh
<% endfor %>
kubectl apply --kustomize "$release"
if ready; then
  tell "$ENVIRONMENT runs $IMAGE@$DIGEST."
  exit
fi
if back; then
  tell "$ENVIRONMENT was rolled back: $IMAGE@$DIGEST did not become ready."
else
  tell "$ENVIRONMENT: $IMAGE@$DIGEST did not become ready, and the rollback failed. Check the pods: kubectl --namespace $namespace get pods."
fi
exit 1
