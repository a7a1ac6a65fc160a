#!/usr/bin/env bash
# Build the image. BUILD_OPTIONS are passed to the engine unchanged.
# shellcheck disable=SC1091
. "$(dirname "$0")/image.sh"

engine=$(engine buildah)
# OCI's image format has no HEALTHCHECK; Docker's has, and is Docker's default.
format=()
[ "$engine" = docker ] || format=(--format docker --layers)
# shellcheck disable=SC2086
"$engine" build ${format[@]+"${format[@]}"} ${BUILD_OPTIONS:-} --tag "$REFERENCE" \
  --build-arg "VERSION=$VERSION" --build-arg "REVISION=$REVISION" .
rm -f "$ARCHIVE" "$SBOM" "$DIGEST_FILE" # they belong to the previous image
echo "$REFERENCE is built from $REVISION"
