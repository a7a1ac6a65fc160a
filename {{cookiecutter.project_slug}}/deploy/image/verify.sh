#!/usr/bin/env bash
# Check that the published image and its SBOM are signed by the owner of COSIGN_PUBLIC_KEY or, for signatures without a key,
# by an identity that matches the pattern SIGNER, such as '^https://github.com/acme/', with a certificate from SIGNER_ISSUER.
# shellcheck disable=SC1091
. "$(dirname "$0")/image.sh"

needs cosign "apt-get install cosign (Debian 13), or brew install cosign"
image=$(published)
options=()
! on_this_machine || options+=(--allow-http-registry)
if [ -n "${COSIGN_PUBLIC_KEY:-}" ]; then
  options+=(--key "$COSIGN_PUBLIC_KEY" --insecure-ignore-tlog=true)
else
  [ -n "${SIGNER:-}" ] || stop "COSIGN_PUBLIC_KEY (a file) or SIGNER (a pattern of identities) must say whose signature counts."
  options+=(--certificate-identity-regexp "$SIGNER")
  options+=(--certificate-oidc-issuer "${SIGNER_ISSUER:-https://token.actions.githubusercontent.com}")
fi
cosign verify "${options[@]}" "$image" >/dev/null
cosign verify-attestation "${options[@]}" --type cyclonedx "$image" >/dev/null
echo "$image is signed and attested"
