#!/usr/bin/env bash
# Print the path of a tarball of a clean, minimal Debian 12. Made once, then kept.
set -euo pipefail

cache=${KEYLESS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/keyless}
tarball=$cache/bookworm.tar
if [[ ! -e $tarball ]]; then
    mkdir -p "$cache"
    work=$(mktemp --directory "$cache/bookworm.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mirror=$("$(dirname "$0")/debian-mirror.sh")
    debootstrap --variant=minbase bookworm "$work/root" ${mirror:+"$mirror"} &>"$work/log" || {
        tail -5 "$work/log" >&2
        exit 1
    }
    tar --create --file "$work/tar" --directory "$work/root" \
        --exclude './var/cache/apt/archives/*.deb' --exclude './var/lib/apt/lists/*_*' .
    mv "$work/tar" "$tarball"
fi
echo "$tarball"
