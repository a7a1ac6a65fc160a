#!/usr/bin/env bash
# Push the archive, under a tag that is given once. Done again, it changes nothing; another image is refused.
# shellcheck disable=SC1091
. "$(dirname "$0")/image.sh"

needs skopeo "apt-get install skopeo, or brew install skopeo"
verify_tls=true
! on_this_machine || verify_tls=false
# The configuration names every layer by its digest: equal configurations are equal images.
configuration() { skopeo inspect --tls-verify=$verify_tls --raw --config "$1"; }

built=$(configuration "docker-archive:$ARCHIVE")
if taken=$(configuration "docker://$REFERENCE" 2>/dev/null); then
  [ "$taken" = "$built" ] || stop "$REFERENCE is another image already: raise the version in pyproject.toml."
else
  skopeo copy --quiet --dest-tls-verify=$verify_tls "docker-archive:$ARCHIVE" "docker://$REFERENCE"
fi
skopeo inspect --tls-verify=$verify_tls --no-tags --format '{{.Digest}}' "docker://$REFERENCE" >"$DIGEST_FILE"
[ "$(configuration "docker://$(published)")" = "$built" ] || stop "$(published) is not the image that was built."
echo "$(published) is published as $VERSION"
