#!/usr/bin/env bash
# Sign the published image and attest its SBOM. With COSIGN_KEY (a file or the address of a key service) nothing is sent to a
# public log. Without it, the signature is in the name of the person or pipeline that runs this, and Sigstore's log records it.
# shellcheck disable=SC1091
. "$(dirname "$0")/image.sh"

needs cosign "apt-get install cosign (Debian 13), or brew install cosign"
[ -s "$SBOM" ] || stop "$SBOM is missing: run make sbom."
image=$(published)
options=(--yes)
! on_this_machine || options+=(--allow-http-registry)
if [ -n "${COSIGN_KEY:-}" ]; then
  options+=(--key "$COSIGN_KEY" --tlog-upload=false)
  # Since cosign 3, the signing configuration also turns the public log on.
  ! cosign sign --help | grep -q -e --use-signing-config || options+=(--use-signing-config=false)
fi
cosign sign "${options[@]}" "$image"
cosign attest "${options[@]}" --type cyclonedx --predicate "$SBOM" "$image"
