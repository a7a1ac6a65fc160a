#!/usr/bin/env bash
# Bring the template's news into this working tree. cruft ends with 0 whatever it left behind, so look for what only a
# person can settle: unmerged paths, conflict markers, rejected hunks. If there are any, name them and fail.
set -euo pipefail
export LC_ALL=C # git's messages are read below

cruft() { "${UV:-uv}" tool run --quiet --from cruft==2.16.0 --with cookiecutter==2.7.1 cruft "$@"; }

if ! [ -f .cruft.json ]; then
  echo "There is no .cruft.json, so nothing says which template this service follows; cruft link writes one." >&2
  exit 1
fi
if [ -n "$(git status --porcelain)" ]; then
  echo "There are uncommitted changes; commit or stash them, so that the news can be told from them." >&2
  exit 1
fi
if cruft check; then
  exit 0
fi
cruft update --skip-apply-ask

open="$({
  git diff --name-only --diff-filter=U
  git diff --check HEAD | sed -n 's/:[0-9]*: leftover conflict marker$//p'
  git ls-files --others '*.rej'
} | sort --unique)"
if [ -n "$open" ]; then
  printf 'The news is in, but these need a person:\n%s\n' "$open" >&2
  exit 1
fi
if [ -f uv.lock ]; then
  "${UV:-uv}" lock --quiet
fi
