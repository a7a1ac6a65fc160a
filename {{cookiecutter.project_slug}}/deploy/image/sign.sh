#!/usr/bin/env bash
# Sign the published image and attest its list of parts: with COSIGN_KEY (a file or a key service's address), which tells
# nobody, or without one as whoever runs this, through Sigstore's certificates and public log.
# shellcheck disable=SC1091
. "$(dirname "$0")/image.sh"

needs cosign "apt-get install cosign (Debian 13), or brew install cosign"
[ -s "$SBOM" ] || stop "$SBOM is missing: make sbom writes it."
image=$(published)
options=(--yes)
! on_this_machine || options+=(--allow-http-registry)
if [ -n "${COSIGN_KEY:-}" ]; then
  options+=(--key "$COSIGN_KEY" --tlog-upload=false)
  # Since version 3 the public log is part of a configuration that has to be declined as well.
  ! cosign sign --help | grep -q -e --use-signing-config || options+=(--use-signing-config=false)
fi
cosign sign "${options[@]}" "$image"
cosign attest "${options[@]}" --type cyclonedx --predicate "$SBOM" "$image"
