#!/usr/bin/env bash
# Push the archive, under a tag that is given once. Done again, it changes nothing; another image is refused.
# shellcheck disable=SC1091
. "$(dirname "$0")/image.sh"

needs skopeo "apt-get install skopeo, or brew install skopeo"
must_name_a_registry
verify_tls=true
! on_this_machine || verify_tls=false
# The configuration names every layer by its digest: equal configurations are equal images.
configuration() { skopeo inspect --tls-verify=$verify_tls --raw --config "$1"; }

built=$(configuration "docker-archive:$ARCHIVE")
if answer=$(configuration "docker://$REFERENCE" 2>&1); then
  [[ $answer == *"$built"* ]] || stop "$REFERENCE is another image already: raise the version in pyproject.toml."
elif grep -qiE 'manifest unknown|name unknown|not found|denied|unauthorized' <<<"$answer"; then # some hide what is not there
  skopeo copy --quiet --dest-tls-verify=$verify_tls "docker-archive:$ARCHIVE" "docker://$REFERENCE"
else
  stop "Whether $REFERENCE is taken cannot be told: ${answer##*msg=}"
fi
skopeo inspect --tls-verify=$verify_tls --no-tags --format '{{.Digest}}' "docker://$REFERENCE" >"$DIGEST_FILE"
[ "$(configuration "docker://$(published)")" = "$built" ] || stop "$(published) is not the image that was built."
echo "$(published) is published as $VERSION"
