#!/usr/bin/env bash
# Print the path of a minimal Debian sid that holds these packages. Made once by root, then kept.
#
#   scripts/sid-root.sh PACKAGE...
set -euo pipefail

cache=${KEYLESS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/keyless}
root=$cache/sid-$1
if [[ ! -d $root ]]; then
    mkdir -p "$cache"
    work=$(mktemp --directory "$cache/sid.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mirror=$("$(dirname "$0")/debian-mirror.sh")
    included=$(IFS=,; echo "$*")
    # debootstrap lets no service start, whatever a package's scripts would like.
    debootstrap --variant=minbase --include="$included" sid "$work/root" ${mirror:+"$mirror"} \
        &>"$work/log" || {
        tail -5 "$work/log" >&2
        exit 1
    }
    echo '127.0.0.1 localhost' >"$work/root/etc/hosts"
    rm -rf "$work/root/var/cache/apt/archives"/*.deb "$work/root/var/lib/apt/lists"/*_*
    # Somebody else may have been faster.
    mv --no-target-directory "$work/root" "$root" 2>/dev/null || [[ -d $root ]]
fi
echo "$root"
