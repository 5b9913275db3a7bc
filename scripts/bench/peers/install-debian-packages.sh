#!/bin/sh
# Installs Debian packages of servers for the benchmark, which starts them itself: no service of theirs is started now, nor when the machine
# starts. Called as root with the names of packages; one that fails keeps no other from being tried.
set -u

policy=/usr/sbin/policy-rc.d
mark='# Of the Rondo benchmark, while it installs packages. Remove it when no installation is under way.'
limit_seconds=300

forbid_services() {
  # One that a benchmark left behind that was killed is ours again; another's stays, and says what it says.
  if [ -e "$policy" ] && ! grep -qxF "$mark" "$policy"; then return; fi
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
  chmod 755 "$policy"
}

apt() {
  timeout --foreground "$limit_seconds" apt-get -qq -y -o DPkg::Lock::Timeout=60 "$@" </dev/null >&2
}

# A policy of somebody else may have let them start. What was there before isn't installed anew, and so isn't touched.
keep_services_out() {
  for file in $(dpkg -L "$1" | grep -E '/systemd/system/[^@]+\.service$'); do
    [ ! -d /run/systemd/system ] || systemctl --quiet disable --now "$(basename "$file")" >&2
  done
  for file in $(dpkg -L "$1" | grep -E '^/etc/init\.d/.'); do
    if [ ! -d /run/systemd/system ]; then "$file" stop >&2; fi
    update-rc.d "$(basename "$file")" disable >&2
  done
}

export DEBIAN_FRONTEND=noninteractive
forbid_services
apt update
failed=0
for package in "$@"; do
  if dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$'; then continue; fi
  if apt install --no-install-recommends "$package"; then keep_services_out "$package"; else failed=1; fi
done
exit "$failed"
