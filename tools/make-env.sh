#!/usr/bin/env bash
# Bring one virtual environment to exactly what a lock says.
#
#   tools/make-env.sh .venv run       the product (with the demo's data package)
#   tools/make-env.sh .venv dev       the same environment, with what the tests need
#   tools/make-env.sh .venv-lint lint the linters, which do not fit beside the product
#   tools/make-env.sh .venv-duckdb1 duckdb1   an old client that must open what we publish
#
# Needs Python 3.11, 3.12 or 3.13 with its venv module and a package index, nothing else:
# pip puts in uv by hash, uv puts in the rest by hash. SHOPTHREAD_PYTHON names another
# interpreter. Called by the Makefile, which remembers what is already done.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${1:?usage: tools/make-env.sh <folder> <lock>}
lock=${2:?usage: tools/make-env.sh <folder> <lock>}
fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

find_python() {
    local candidate found="" wanted=${SHOPTHREAD_PYTHON:-python3.11 python3.12 python3.13 python3}
    for candidate in $wanted; do
        "$candidate" -c "$fits" >/dev/null 2>&1 || continue
        found=$(command -v "$candidate")
        if "$found" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            echo "$found"
            return
        fi
    done
    if [ -n "$found" ]; then
        echo "setup: $found has no working venv module; Debian and Ubuntu keep it in the" \
            "package python3-venv. Install that, or name another interpreter:" >&2
    else
        echo "setup: no Python 3.11, 3.12 or 3.13 on PATH (looked for: $wanted)." \
            "Install one, or name it:" >&2
    fi
    echo "       make setup SHOPTHREAD_PYTHON=/path/to/python3.11" >&2
    return 1
}

if ! "$venv/bin/python" -c "$fits" >/dev/null 2>&1; then
    python=$(find_python)
    echo "setup: $venv from $("$python" --version) ($python)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

python=$venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
    -r requirements/bootstrap.txt
# Compiled now, once: where PYTHONDONTWRITEBYTECODE is set every process would compile it
# again (10 s instead of 5 s to import Dagster, dbt and Great Expectations, 2026-11-23).
# Copies instead of links work across file systems.
UV_LINK_MODE=${UV_LINK_MODE:-copy} "$python" -m uv pip install --quiet --python "$python" \
    --compile-bytecode --no-deps --require-hashes -r "requirements/$lock.txt"
if [ "$lock" = run ] || [ "$lock" = dev ]; then
    # The build backend came with bootstrap.txt, so nothing is fetched without a hash.
    "$python" -m uv pip install --quiet --python "$python" --no-deps --no-build-isolation \
        --editable .
fi
if ! "$python" -m uv pip check --python "$python" >"$venv/.check" 2>&1; then
    cat "$venv/.check" >&2
    echo "setup: the packages in $venv do not fit together, though the lock's do: something" \
        "was installed by hand. Start again with: rm -rf $venv" >&2
    exit 1
fi
touch "$venv/.made-from-$lock"
