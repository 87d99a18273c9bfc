#!/usr/bin/env bash
# Install the Debian packages the tests use and this machine lacks; where it may not, say which.
set -euo pipefail

packages=(ansible-core debootstrap gcc git haproxy libc6-dev libnss-wrapper mariadb-client mariadb-server
    openssh-client openssh-server pgbouncer postgresql postgresql-client python3-dev rsync
    sysbench)
docker info &>/dev/null || packages+=(buildah podman runc)

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
no_service=/usr/sbin/policy-rc.d
ours=("$no_cluster")
[[ -e $no_service ]] || ours+=("$no_service")
trap 'rm -f "${ours[@]}"' EXIT
install -D /dev/stdin "$no_cluster" <<<'create_main_cluster = false'
[[ -e $no_service ]] || install --mode=755 /dev/stdin "$no_service" <<<$'#!/bin/sh\nexit 101'

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet=2
apt-get install --quiet=2 --yes --no-install-recommends "${missing[@]}" >/dev/null
if [[ " ${missing[*]} " = *' mariadb-server '* ]]; then
    update-rc.d mariadb disable # nor should it be started at the next boot
fi
