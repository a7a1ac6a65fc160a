#!/usr/bin/env bash
# Run the commands before a release, one after another. deploy.sh calls this script with ENVIRONMENT, IMAGE and DIGEST. Exit
# status 1 when a command fails; then nothing has been rolled out.
set -euo pipefail
cd "$(dirname "$0")/.."

tell() { printf '%s\n' "$*" | tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}"; }

: "${ENVIRONMENT:?}" "${IMAGE:?}" "${DIGEST:?}"
name=<%= cookiecutter.project_slug %>
commands=(<% for command in before_release(cookiecutter.components) %><%= command.name %><% if not loop.last %> <% endif %><% endfor %>)
limit=${COMMAND_SECONDS:-660} # longer than activeDeadlineSeconds and the time to stop
overlay=overlays/$ENVIRONMENT
namespace=$(sed -n 's/^namespace: //p' "$overlay/kustomization.yaml")
digest=${DIGEST#sha256:}

release=$(mktemp -d ./release.XXXXXX)
trap 'rm -r "$release"' EXIT
# Settings, namespace and environment are those of the overlay. The digest is part of the name, because the pod template of an
# existing Job cannot be changed.
mkdir "$release/commands"
cat >"$release/commands/kustomization.yaml" <<END
namespace: $namespace
nameSuffix: "-${digest:0:8}" # quoted, because it may be all digits
resources:
  - ../../commands
labels:
  - pairs:
      env: $ENVIRONMENT
    includeTemplates: true
END
cat >"$release/kustomization.yaml" <<END
resources:
  - ../$overlay
  - commands
images:
  - name: $name
    newName: $IMAGE
    digest: $DIGEST
END
kubectl kustomize "$release" >"$release/all.yaml"

# Print the objects of the given kinds.
of_kinds() {
  awk -v kinds=" $* " '
    function flush() { if (wanted) printf "---\n%s", text; text = ""; wanted = 0 }
    $0 == "---" { flush(); next }
    /^kind: / { wanted = index(kinds, " " $2 " ") }
    { text = text $0 "\n" }
    END { flush() }' "$release/all.yaml"
}
# Print how a Job has ended, Complete or Failed; nothing while it runs or when there is none.
ended() {
  local condition="{.status.conditions[?(@.status=='True')].type}"
  kubectl --namespace "$namespace" get job "$1" --ignore-not-found --output "jsonpath=$condition" | grep -owE 'Complete|Failed'
}
run() {
  local job=$name-$1-${digest:0:8} state=
  # Delete the ended Job of an earlier deploy of this image. If that Job still runs, wait for it instead.
  if ended "$job" >/dev/null; then kubectl --namespace "$namespace" delete job "$job"; fi
  kubectl apply --filename "$release/all.yaml" --selector "command=$1"
  local end=$((SECONDS + limit))
  until state=$(ended "$job") || ((SECONDS >= end)); do sleep 1; done
  [[ $state == Complete ]] && return
  kubectl --namespace "$namespace" logs "job/$job" --tail=200 >&2 || true
  [[ $state == Failed ]] && state="failed" || state="did not end within $limit s"
  tell "$ENVIRONMENT: the command $1 of $IMAGE@$DIGEST $state. Nothing was rolled out."
  exit 1
}

# Apply what a command needs, but no Deployment and no Service.
of_kinds Namespace ServiceAccount ConfigMap Secret ExternalSecret PersistentVolumeClaim NetworkPolicy | kubectl apply --filename -
for command in "${commands[@]}"; do run "$command"; done
