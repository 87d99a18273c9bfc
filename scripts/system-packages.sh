#!/usr/bin/env bash
# Install the Debian packages the tests use and this machine lacks; where it may not, say which.
set -euo pipefail

packages=(postgresql postgresql-client)
docker info &>/dev/null || packages+=(buildah debootstrap podman runc)

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit

if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "Some tests need what is not installed: as root, apt-get install ${missing[*]}" >&2
    exit
fi

echo "Installing ${missing[*]} ..."
# The tests start servers of their own: Debian's should neither make a cluster nor start one.
no_cluster=/etc/postgresql-common/createcluster.d/keyless.conf
trap 'rm -f "$no_cluster"' EXIT
install -D /dev/stdin "$no_cluster" <<<'create_main_cluster = false'

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet=2
apt-get install --quiet=2 --yes --no-install-recommends "${missing[@]}" >/dev/null
