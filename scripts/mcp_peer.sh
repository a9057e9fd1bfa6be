#!/usr/bin/env bash
# Make .venv-mcp with an MCP server that others wrote, for the tests: an environment of its own, as a server has one.
# Made once; fails, with the reason on stderr, where the package cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv-mcp
package=mcp-server-git
pin=$(grep "^$package==" constraints.txt)
[ "$(cat "$venv/.installed" 2>/dev/null)" = "$pin" ] && exit
echo "installing $pin into $venv"
if command -v uv >/dev/null; then
    uv venv --quiet --clear --python .venv/bin/python "$venv"
    uv pip install --quiet --python "$venv/bin/python" --constraint constraints.txt "$package"
else
    .venv/bin/python -m venv --clear --without-pip "$venv"
    .venv/bin/python -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check \
        --retries 1 --timeout 15 --constraint constraints.txt "$package"
fi
echo "$pin" >"$venv/.installed"
