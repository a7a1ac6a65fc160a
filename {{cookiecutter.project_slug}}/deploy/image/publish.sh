#!/usr/bin/env bash
# Push the archive. A tag is used once: pushing the same image again changes nothing, another image is refused.
# shellcheck disable=SC1091
. "$(dirname "$0")/image.sh"

needs skopeo "apt-get install skopeo, or brew install skopeo"
must_name_a_registry
verify_tls=true
! on_this_machine || verify_tls=false
# An image's configuration names each layer by its digest, so equal configurations mean equal images.
configuration() { skopeo inspect --tls-verify=$verify_tls --raw --config "$1"; }

built=$(configuration "docker-archive:$ARCHIVE")
if answer=$(configuration "docker://$REFERENCE" 2>&1); then
  [[ $answer == *"$built"* ]] || stop "$REFERENCE exists already, with other content: raise the version in pyproject.toml."
elif grep -qiE 'manifest unknown|name unknown|not found|denied|unauthorized' <<<"$answer"; then # some deny a tag that is missing
  skopeo copy --quiet --dest-tls-verify=$verify_tls "docker-archive:$ARCHIVE" "docker://$REFERENCE"
else
  stop "The registry does not say whether $REFERENCE exists: ${answer##*msg=}"
fi
skopeo inspect --tls-verify=$verify_tls --no-tags --format '{{.Digest}}' "docker://$REFERENCE" >"$DIGEST_FILE"
[ "$(configuration "docker://$(published)")" = "$built" ] || stop "$(published) is not the image that was built."
echo "$(published) is published as $VERSION"
