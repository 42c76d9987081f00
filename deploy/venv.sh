#!/bin/sh
# Makes .venv beside the project and installs homeamp into it: `sh deploy/venv.sh [EXTRA]`.
# A bare Debian or Ubuntu ships Python without ensurepip (PEP 668 forbids the system's own pip), so
# the missing package is installed first where we may.
set -eu

cd "$(dirname "$0")/.."
extra=${1:+[$1]}

python=""
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || { echo "homeamp needs Python 3.11 or newer on the PATH" >&2; exit 1; }

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package="$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    as_root=""
    [ "$(id -u)" = 0 ] || as_root=sudo
    echo "installing $package, which this Python's venv module needs" >&2
    if ! { $as_root apt-get update -qq && $as_root apt-get install -y -qq "$package"; } >&2; then
        echo "could not install it: ask an administrator for $package, then run this again" >&2
        exit 1
    fi
fi

[ -x .venv/bin/pip ] || "$python" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check -e ".$extra"
