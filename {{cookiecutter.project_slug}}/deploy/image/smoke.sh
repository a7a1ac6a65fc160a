#!/usr/bin/env bash
# Run the image as in production: no privileges, a read-only root, limits; here also without a network. Check that it serves,
# shows its version and revision, and stops in time.
# shellcheck disable=SC1091
. "$(dirname "$0")/image.sh"

engine=$(engine)
must_be_built "$engine"
grace=35 # seconds: DRAIN_SECONDS 5 + GRACEFUL_SECONDS 20 + 10 to flush the last telemetry
container=$("$engine" run --detach --network none --read-only --tmpfs /tmp --cap-drop ALL \
  --security-opt no-new-privileges --memory <%= 128 + before_release(cookiecutter.components) | sum(attribute="memory") %>m --pids-limit 64 \
<% for component in enabled(cookiecutter.components) %>
<% for variable in component.variables + component.secrets if variable.smoke %>
  --env <%= variable.name %>=<%= variable.smoke %> \
<% endfor %>
<% endfor %>
  "$REFERENCE")
trap '{ "$engine" kill "$container" || true; "$engine" rm --force "$container"; } >/dev/null 2>&1' EXIT

inside() { "$engine" exec "$container" "$@"; }
get() { inside python -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())' "$1"; }
check() { # WHAT COMMAND...
  local what=$1
  shift
  if ! "$@" >/dev/null 2>&1; then
    "$engine" logs "$container" >&2
    stop "failed: $what"
  fi
  echo "ok: $what"
}
says() { get "$1" | grep -F "$2"; }
holds() { inside cat /proc/1/status | grep -E "$1"; }
refuses() { ! inside touch "$1"; }
runs() { [ "$("$engine" inspect --format '{{.State.Running}}' "$container")" = true ]; }
becomes_healthy() {
  local end=$((SECONDS + 60))
  until inside python -I /app/healthcheck.py; do
    runs && [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

<% for command in before_release(cookiecutter.components) %>
check "runs the command <%= command.name %>" inside python -m <%= cookiecutter.package_name %> <%= command.name %>
<% endfor %>
check "healthy within 60 s" becomes_healthy
# A service that listens on 127.0.0.1 only does not answer at 127.0.0.2, nor from outside.
check "serves on port 8000 of every address" get http://127.0.0.2:8000/health/ready
check "shows its metrics on port 9464 of every address" get http://127.0.0.2:9464/metrics
check "is version $VERSION" says http://127.0.0.1:9464/metrics "version=\"$VERSION\""
check "is revision $REVISION" says http://127.0.0.1:9464/metrics "revision=\"$REVISION\""
check "runs as user 10001" holds '^Uid:([[:space:]]+10001){4}$'
check "runs as group 10001" holds '^Gid:([[:space:]]+10001){4}$'
check "has no capability" holds '^CapEff:[[:space:]]+0+$'
check "cannot gain a capability" holds '^NoNewPrivs:[[:space:]]+1$'
check "cannot write to /" refuses /x
check "cannot write to /app" refuses /app/x

began=$SECONDS
"$engine" stop --time "$grace" "$container" >/dev/null
check "stops with exit status 0" [ "$("$engine" inspect --format '{{.State.ExitCode}}' "$container")" = 0 ]
echo "ok: stops in $((SECONDS - began)) s, limit $grace s"
