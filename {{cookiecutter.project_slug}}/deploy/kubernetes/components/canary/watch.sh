#!/usr/bin/env bash
# Wait for a canary: components/canary/watch.sh NAMESPACE NAME SECONDS. Argo Rollouts runs the pods itself and keeps the
# Deployment at 0 replicas, so `kubectl rollout status` of the Deployment would succeed at once.
#
# Exit status 0 when all pods are of the new release. Otherwise one sentence on standard output, and status 1 when the canary
# failed or the time is over, 3 when a step says to wait for a person, 4 when it waits because there is no verdict.
set -euo pipefail
namespace=$1 name=$2 limit=$3

get() { kubectl --namespace "$namespace" get "$1/$name" --output "jsonpath=$2"; }
over() { printf '%s\n' "$2"; exit "$1"; }

# A change of the Deployment does not change the Rollout: until the controller has seen it, the phase is that of the release
# before.
deployment=$(get deployment '{.metadata.generation}')
state='{.status.workloadObservedGeneration}|{.metadata.generation}|{.status.observedGeneration}|{.status.phase}|'
state+='{.status.currentStepIndex}|{range .spec.strategy.canary.steps[*]}{.pause.duration},{end}|'
state+='{.spec.paused}|{.status.pauseConditions[*].reason}|{.status.message}'
before=
while ((SECONDS < limit)); do
  if answer=$(get rollouts.argoproj.io "$state"); then
    IFS='|' read -r of_deployment rollout of_rollout phase step pauses paused reasons message <<<"$answer"
    IFS=, read -ra pauses <<<"$pauses"
    if [[ $phase && $of_deployment -ge $deployment && $of_rollout -ge $rollout ]]; then
      now="$phase${step:+ at step $step}${message:+: $message}"
      [[ $now == "$before" ]] || printf 'canary: %s\n' "$now" >&2
      before=$now
      case $phase in
      Healthy) exit 0 ;;
      Degraded) over 1 "failed${message:+ ($message)}" ;;
      Paused)
        [[ $reasons != *Inconclusive* ]] || over 4 "has no verdict: too few requests, or no data in Prometheus"
        [[ $paused != true ]] || over 4 "was paused by hand"
        [[ $reasons != *CanaryPauseStep* || ${pauses[step]:-} ]] || over 3 "waits at step $step, which has no time limit"
        ;;
      esac
    fi
  fi
  sleep 1
done
over 1 "did not become healthy within $limit s${before:+ (last seen: $before)}"
