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

# A canary has pauses of 20 minutes in all; the pipelines allow an hour.
canary_seconds=${CANARY_SECONDS:-2700}
[[ $canary_seconds =~ ^[0-9]+$ ]] || stop "CANARY_SECONDS must be a whole number of seconds."
release=$(mktemp -d ./release.XXXXXX)
trap 'rm -r "$release"' EXIT

field() { kubectl --namespace "$namespace" get "deployment/$name" --ignore-not-found --output "jsonpath=$1"; }
rollout() { kubectl --namespace "$namespace" rollout "$1" "deployment/$2" "${@:3}"; }
scale() { kubectl --namespace "$namespace" scale "$1/$name" --replicas="$2"; }
# Print the Rollout that runs the pods of web in place of the Deployment; nothing where there is none.
canary() {
  kubectl --namespace "$namespace" get rollouts.argoproj.io "$name" --ignore-not-found --output name 2>"$release/said" && return
  # A cluster without Argo Rollouts does not know the kind, and an account that must not read it has made none.
  grep -qE "have a resource type|orbidden" "$release/said" || stop "kubectl: $(<"$release/said")"
}
# All Deployments, one after another. They are released together and rolled back together.
ready() {
  local each
  for each in "${deployments[@]}"; do
    [[ $each == "$name" && $canary ]] || rollout status "$each" --timeout=10m || return
  done
  [[ -z $canary ]] || components/canary/watch.sh "$namespace" "$name" "$1" >"$release/canary"
}
# Argo Rollouts takes the template of the Deployment that was there before, and needs no canary for it.
back() {
  local status=0
  for each in "${deployments[@]}"; do rollout undo "$each" || status=1; done
  ready 600 && return "$status"
}

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
canary=$(canary)
[[ $canary ]] || replicas=$(field '{.spec.replicas}')
kubectl apply --kustomize "$release"
if [[ -z $canary ]]; then
  canary=$(canary)
  # A new Rollout begins with one pod. Give it as many as the Deployment had.
  [[ -z $canary || ${replicas:-0} -le 1 ]] || scale rollouts.argoproj.io "$replicas"
fi
if [[ -z $canary && $(field '{.spec.replicas}') == 0 ]]; then
  tell "$ENVIRONMENT: the Deployment has 0 replicas, so no pod runs $IMAGE@$DIGEST. Scale it: kubectl --namespace $namespace scale deployment/$name --replicas=2."
  exit 1
fi

status=0
ready "$canary_seconds" || status=$?
why="did not become ready"
if [[ -s $release/canary ]]; then why=$(<"$release/canary"); fi
case $status in
0)
  # Argo Rollouts scales the Deployment down only once. Pods that came back later would stay beside those of the Rollout.
  if [[ $canary && $(field '{.spec.replicas}') != 0 ]]; then scale deployment 0; fi
  tell "$ENVIRONMENT runs $IMAGE@$DIGEST."
  exit
  ;;
3 | 4)
  tell "$ENVIRONMENT: the canary of $IMAGE@$DIGEST $why. Look at it, then: kubectl argo rollouts --namespace $namespace promote $name, or abort $name."
  # A step that waits for a person is no failure. A missing verdict is one, because the release is not out.
  exit $((status == 4))
  ;;
esac
if back; then
  tell "$ENVIRONMENT was rolled back: $IMAGE@$DIGEST $why."
else
  tell "$ENVIRONMENT: $IMAGE@$DIGEST $why, and the rollback failed. Check the pods: kubectl --namespace $namespace get pods."
fi
exit 1
