#!/usr/bin/env bash
# Build the image. BUILD_OPTIONS go to the engine as they are.
# shellcheck disable=SC1091
. "$(dirname "$0")/image.sh"

engine=$(engine buildah)
# OCI's own format has no HEALTHCHECK. Docker keeps it without being asked.
format=()
[ "$engine" = docker ] || format=(--format docker --layers)
# shellcheck disable=SC2086
"$engine" build ${format[@]+"${format[@]}"} ${BUILD_OPTIONS:-} --tag "$REFERENCE" \
  --build-arg "VERSION=$VERSION" --build-arg "REVISION=$REVISION" .
rm -f "$ARCHIVE" "$SBOM" "$DIGEST_FILE" # they belong to the image before
echo "$REFERENCE is built from $REVISION"
