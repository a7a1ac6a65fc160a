# Shared names and helpers of the scripts in this folder. Source it; do not run it.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

IMAGE=${IMAGE:?must be the name of the image, such as registry.example.com/team/service; make sets it}
VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REFERENCE=$IMAGE:$VERSION
# The commit, with the suffix -dirty when there are uncommitted changes.
REVISION=${REVISION:-$(git describe --always --abbrev=40 --dirty --exclude '*' 2>/dev/null || echo unknown)}
UV=${UV:-uv}

ARCHIVE=dist/image.tar        # the image as it was built; scan, sbom and publish read it
SBOM=dist/sbom.cdx.json       # the list of its packages
DIGEST_FILE=dist/image.digest # the digest of the published image

stop() {
  echo "$*" >&2
  exit 1
}
needs() { command -v "$1" >/dev/null || stop "This step needs $1: $2"; }

# The first container engine that answers. Docker's client without its daemon does not.
engine() {
  local candidate
  for candidate in ${CONTAINER:-docker podman "$@"}; do
    if "$candidate" version >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
  stop "No container engine answers (${CONTAINER:-docker, podman}): start Docker, install podman, or set CONTAINER."
}

# Stop unless `make image` has built the image: an engine would pull an unknown name from a registry.
must_be_built() {
  "$1" inspect --type image "$REFERENCE" >/dev/null 2>&1 || stop "$REFERENCE is not built: run make image."
}

# Without a registry in its name, the image would go to Docker Hub.
must_name_a_registry() {
  [[ $IMAGE =~ ^([^/]*[.:][^/]*|localhost)/ ]] ||
    stop "IMAGE=$IMAGE names no registry; it must, such as IMAGE=registry.example.com/team/${IMAGE##*/}"
}

# Use no TLS for a registry on this machine. Docker makes the same exception.
on_this_machine() { [[ $IMAGE =~ ^(127\.0\.0\.1|localhost)(:[0-9]+)?/ ]]; }

# The published image, by its digest.
published() {
  must_name_a_registry
  [ -s "$DIGEST_FILE" ] || stop "$DIGEST_FILE is missing: run make publish."
  echo "$IMAGE@$(cat "$DIGEST_FILE")"
}
