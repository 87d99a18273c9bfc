#!/usr/bin/env bash
# Print where this machine's own Debian packages come from, or nothing: then debootstrap's default
# is as good.
set -euo pipefail

apt-get indextargets --format '$(REPO_URI)' \
    'Release: bookworm' 'Component: main' 'Created-By: Packages' 2>/dev/null | sed -n 1p || true
