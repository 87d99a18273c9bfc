#!/usr/bin/env bash
# Run commands in a fresh clone of this commit, as root of a clean Debian 12 that holds nothing but
# python3, venv, git, make and certificates.
set -euo pipefail
cd "$(dirname "$0")/.."

# This machine's way to the network goes with us (certificates, proxies, pip's settings but for its
# local directories), and nothing else of its environment.
wanted='^(CI|SSL_CERT_FILE|REQUESTS_CA_BUNDLE|https?_proxy|no_proxy|PIP_[A-Z_]*)='
mapfile -t settings < <(env | grep -E "$wanted" | grep -v '^PIP_FIND_LINKS=')

within() {
    chroot "$root" env --ignore-environment "${settings[@]}" HOME=/root LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash -ec "$1" </dev/null
}

bring() { # files of this machine, where it has them
    local file
    for file in "$@"; do
        [[ ! -f $file ]] || install -D --mode=644 "$file" "$root$file"
    done
}

# In a mount and process namespace of our own, which the kernel clears away however we end.
if [[ ${1:-} = --enter ]]; then
    root=$2 cache=$3
    mount --bind "$root" "$root"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount --types proc proc "$root/proc"
    mount --bind "$cache" "$root/root/.cache"
    bring /etc/hosts /etc/resolv.conf
    within 'export DEBIAN_FRONTEND=noninteractive
        apt-get --quiet=2 update
        apt-get --quiet=2 --yes --no-install-recommends install \
            ca-certificates git make python3 python3-venv &>/var/log/keyless-fresh ||
            { tail -5 /var/log/keyless-fresh; exit 1; }'
    bring /etc/pip.conf /etc/ssl/certs/ca-certificates.crt \
        "${PIP_CERT:-}" "${SSL_CERT_FILE:-}" "${REQUESTS_CA_BUNDLE:-}"
    # A chroot would not do: whoever enters a container's namespaces would leave it.
    cd "$root"
    pivot_root . mnt
    umount --lazy /mnt
    root=/
    for command in "${@:4}"; do
        echo "--- $command"
        time within "cd ~/keyless && $command"
    done
    exit
fi

if [[ $EUID -ne 0 ]]; then
    echo "A clean Debian can only be made by root: run it again as root." >&2
    exit 1
fi
git diff --quiet HEAD || echo "Changes that are not committed are not in the fresh clone." >&2
command -v debootstrap >/dev/null || scripts/system-packages.sh

tarball=$(scripts/debian-root.sh)
cache=$(dirname "$tarball")/fresh
root=$(mktemp --directory)
trap 'kill -KILL $(jobs -p) 2>/dev/null || true; wait; rm -rf "$root"' EXIT
tar --extract --file "$tarball" --directory "$root"
mkdir -p "$cache" "$root/root/.cache"
git clone --quiet --no-hardlinks . "$root/root/keyless"
unshare --mount --pid --fork --kill-child "$0" --enter "$root" "$cache" "$@" &
wait $!
