#!/usr/bin/env bash
# Installs the Debian packages that tests need besides Node: the clients people really use (nc, ncat), what the clients of
# the examples are written in (python3), and the tools that look at sockets and namespaces. Does nothing when all are there.
set -euo pipefail

# command:package
wanted="nc:netcat-openbsd ncat:ncat python3:python3 ip:iproute2 sha256sum:coreutils"

missing=()
for pair in $wanted; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "Tests need the commands of these packages, and this is no Debian: ${missing[*]}. Install them by hand." >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "Tests need these packages. Install them: sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo -n)
fi
echo "Installing ${missing[*]} ..." >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
