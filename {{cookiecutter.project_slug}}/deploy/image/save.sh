#!/usr/bin/env bash
# Write the image into one file, because later steps may run on another machine.
# shellcheck disable=SC1091
. "$(dirname "$0")/image.sh"

engine=$(engine buildah)
must_be_built "$engine"
mkdir -p dist
rm -f "$ARCHIVE"
case $engine in
  docker) docker save --output "$ARCHIVE" "$REFERENCE" ;;
  podman) podman save --quiet --format docker-archive --output "$ARCHIVE" "$REFERENCE" ;;
  *) "$engine" push --quiet "$REFERENCE" "docker-archive:$ARCHIVE:$REFERENCE" ;;
esac
echo "$ARCHIVE holds $REFERENCE"
