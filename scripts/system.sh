#!/usr/bin/env bash
# Installs on a Debian machine, as root, what the tests need from the system; elsewhere names it.
# It may be run again at any time: what is there stays as it is.
set -euo pipefail

ACTIONLINT_VERSION=v1.7.12
# The lake in a bucket is tried in an emulator of Google's.
GCS_VERSION=v1.56.1

missing=()
for program in curl git make strace wrk; do
  command -v "$program" > /dev/null || missing+=("$program")
done
if ! command -v initdb > /dev/null && ! ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1; then
  missing+=(postgresql)
fi
# Debian's package has both; it is run by the tests alone, on ports of their own.
for program in prometheus promtool; do
  command -v "$program" > /dev/null || { missing+=(prometheus); break; }
done
# What the engines of `make engines` run on, and what fetches them. An older Java runs neither.
java_major="$(java -version 2>&1 | sed -nE '1s/.*version "([0-9]+).*/\1/p' || true)"
[ "${java_major:-0}" -ge 17 ] || missing+=(openjdk-17-jre-headless)
command -v mvn > /dev/null || missing+=(maven)
# The page is tried in a browser.
command -v chromium > /dev/null || missing+=(chromium)
# What no package of Debian holds is built with Go.
built=()
command -v actionlint > /dev/null || built+=("github.com/rhysd/actionlint/cmd/actionlint@$ACTIONLINT_VERSION")
command -v fake-gcs-server > /dev/null || built+=("github.com/fsouza/fake-gcs-server@$GCS_VERSION")
if [ ${#built[@]} -gt 0 ]; then
  command -v go > /dev/null || missing+=(golang-go)
fi

if [ ${#missing[@]} -eq 0 ] && [ ${#built[@]} -eq 0 ]; then
  exit 0
fi

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
  echo "Missing from this system: ${missing[*]} ${built[*]}" >&2
  exit 3
fi

if [ ${#missing[@]} -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq --yes --no-install-recommends "${missing[@]}" < /dev/null
fi

for program in "${built[@]}"; do
  # A release of Debian may hold an older Go than a program asks for.
  if ! GOBIN=/usr/local/bin go install "$program"; then
    echo "Missing from this system: $program ($(go version) cannot build it)" >&2
    exit 3
  fi
done
