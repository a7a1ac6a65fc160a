# What the steps agree on: names, files and how to say no. Sourced by each, run by none.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

IMAGE=${IMAGE:?must be the name of the image, such as registry.example.com/team/service; make sets it}
VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REFERENCE=$IMAGE:$VERSION
# The commit; what is not committed yet makes it a dirty one.
REVISION=${REVISION:-$(git describe --always --abbrev=40 --dirty --exclude '*' 2>/dev/null || echo unknown)}
UV=${UV:-uv}

ARCHIVE=dist/image.tar       # the image as it was built: what is scanned, listed and published
SBOM=dist/sbom.cdx.json      # what is in it
DIGEST_FILE=dist/image.digest # what it is called once it is published

stop() {
  echo "$*" >&2
  exit 1
}
needs() { command -v "$1" >/dev/null || stop "This step needs $1: $2"; }

# The first container engine that answers. Docker's client alone is none.
engine() {
  local candidate
  for candidate in ${CONTAINER:-docker podman "$@"}; do
    if "$candidate" version >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
  stop "No container engine answers (${CONTAINER:-docker, podman}): start Docker, install podman, or say CONTAINER=..."
}

# What `make image` made. Engines would look elsewhere for a name that they do not know.
must_be_built() {
  "$1" inspect --type image "$REFERENCE" >/dev/null 2>&1 || stop "$REFERENCE is not built: make image builds it."
}

# A name without a registry would be one at Docker's.
must_name_a_registry() {
  [[ $IMAGE =~ ^([^/]*[.:][^/]*|localhost)/ ]] ||
    stop "IMAGE=$IMAGE names no registry: say where it is published, such as IMAGE=registry.example.com/team/${IMAGE##*/}"
}

# A registry on this machine has no certificate. Docker makes the same exception.
on_this_machine() { [[ $IMAGE =~ ^(127\.0\.0\.1|localhost)(:[0-9]+)?/ ]]; }

# The published image, by what it is and not by what it is called.
published() {
  must_name_a_registry
  [ -s "$DIGEST_FILE" ] || stop "$DIGEST_FILE is missing: make publish writes it."
  echo "$IMAGE@$(cat "$DIGEST_FILE")"
}
