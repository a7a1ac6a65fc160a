#!/usr/bin/env bash
# Deploy a published image to the hosts of an environment. When the new release is bad, roll back automatically:
# make deploy-ansible ENVIRONMENT=staging IMAGE=registry.example.com/<%= cookiecutter.project_slug %> DIGEST=sha256:...
set -euo pipefail
cd "$(dirname "$0")"

stop() { printf '%s\n' "$*" >&2; exit 1; }
tell() { printf '%s\n' "$*" | tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}"; }

environments=$(cd inventory && echo *.yml)
environments=${environments//.yml/}
[[ " $environments " == *" ${ENVIRONMENT:-none} "* ]] || stop "ENVIRONMENT must be one of $environments."
[[ ${IMAGE:-} =~ ^[^/[:space:]]+/[^@[:space:]]+$ ]] || stop "IMAGE must be a registry and a name, such as registry.example.com/<%= cookiecutter.project_slug %>."
[[ ${DIGEST:-} =~ ^sha256:[0-9a-f]{64}$ ]] || stop "DIGEST must be the digest of the image: sha256: and 64 hexadecimal digits."

ansible=("${UV:-uv}" tool run --quiet --from "ansible-core>=2.19,<2.22" ansible-playbook --inventory "inventory/$ENVIRONMENT.yml")
output=$(mktemp)
trap 'rm "$output"' EXIT
# shellcheck disable=SC2086 # options are words
if "${ansible[@]}" --extra-vars "service_image=$IMAGE@$DIGEST" ${ANSIBLE_OPTIONS:-} site.yml | tee "$output"; then
  tell "$ENVIRONMENT runs $IMAGE@$DIGEST."
  exit
fi
reason=$(sed -n 's/^fatal: .*"msg": "\(.* was rolled back on .*\)"}$/\1/p' "$output" | sed 's/\\"/"/g' | sort -u)
[[ $reason ]] || stop "$ENVIRONMENT: $IMAGE@$DIGEST could not be deployed and was not rolled back. Read the failed task above."
tell "$ENVIRONMENT: $reason"
exit 1
