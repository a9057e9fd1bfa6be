#!/usr/bin/env bash
# Make what one real engine needs, for the tests in tests/engines: scripts/engines.sh transformers | vllm | llama
#   transformers   .venv-hf with transformers serve and the CPU build of torch
#   vllm           .venv-vllm with vLLM for CPUs (Linux)
#   llama          .engines/llama/llama-server, built from source: 9 minutes of one core; needs cmake and a C++ compiler
# Made once. Packages, and the CPU build of torch, come from where the user's own pip would take them. Where one cannot be
# had here, the reason goes to stderr and to .engines/NAME.reason, which the tests skip with, and the exit code is 3.
set -Eeuo pipefail
cd "$(dirname "$0")/.."

name=${1:-}
pins=scripts/engines/$name.txt
[ -n "$name" ] && [ -f "$pins" ] && [ $# = 1 ] || { echo "expected one of: transformers, vllm, llama" >&2; exit 2; }
mkdir -p .engines
stamp=.engines/$name.installed
made_from=$(cat "$pins" scripts/engines.sh | cksum)
[ "$(cat "$stamp" 2>/dev/null)" = "$made_from" ] && exit
log=.engines/$name.log
rm -f "$stamp"  # what is there of an earlier one is not what was asked for
: >"$log"

cannot() {
    printf '%s\n' "$1" | tee ".engines/$name.reason" >&2
    exit 3
}

last_words() {
    grep -v '^[[:space:]]*$' "$log" | tail -3 | tr -s ' \n' ' '
}

trap 'cannot "$name cannot be made: $BASH_COMMAND"' ERR

environment() {
    local venv=$1 uv found flags=() torch hashes=()
    uv=$(command -v uv || echo .venv/bin/uv)
    [ -x "$uv" ] || cannot "there is no uv: make .venv first (make test does)"
    found=$(.venv/bin/python scripts/engines/pip_flags.py)
    mapfile -t flags <<<"$found"
    [ -x "$venv/bin/python" ] || "$uv" venv --quiet --python .venv/bin/python "$venv"
    torch=$(grep '^torch==' "$pins")
    "$uv" pip install --dry-run --no-deps --python "$venv/bin/python" "${flags[@]}" "$torch" >>"$log" 2>&1 ||
        cannot "no CPU build of torch where pip looks for packages ($torch; see: pip config list): $(last_words)"
    [ -f "${pins%.txt}.hashes.txt" ] && hashes=(--constraint "${pins%.txt}.hashes.txt")
    echo "installing $name into $venv"
    "$uv" pip install --no-deps --python "$venv/bin/python" "${flags[@]}" "${hashes[@]}" --requirement "$pins" >>"$log" 2>&1 ||
        cannot "$name cannot be installed: $(last_words)"
}

llama_server() {
    local folder=.engines/llama tool hash generator=()
    for tool in cmake c++; do
        command -v "$tool" >/dev/null || cannot "llama-server is built from source, and there is no $tool"
    done
    command -v ninja >/dev/null && generator=(-G Ninja)
    mkdir -p "$folder"
    echo "building llama-server in $folder with ${JOBS:=$(nproc)} jobs"
    hash=$(sed -n 's/.*--hash=sha256:\([0-9a-f]*\).*/\1/p' "$pins")
    sha256sum "$folder"/*.tar.gz 2>/dev/null | grep -q "^$hash " ||
        .venv/bin/python -m pip download --quiet --no-deps --no-binary :all: --require-hashes --requirement "$pins" \
            --dest "$folder" >>"$log" 2>&1 || cannot "the source of llama-server cannot be had: $(last_words)"
    tar -xzf "$folder"/llama_cpp_python-*.tar.gz -C "$folder"
    # -O1: half the time to compile; without what else the source could build.
    cmake "${generator[@]}" -S "$folder"/llama_cpp_python-*/vendor/llama.cpp -B "$folder/build" \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE='-O1 -DNDEBUG' -DBUILD_SHARED_LIBS=OFF -DLLAMA_BUILD_TESTS=OFF \
        -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_BUILD_UI=OFF \
        -DLLAMA_OPENSSL=OFF -DLLAMA_CURL=OFF -DLLAMA_TOOLS_INSTALL=OFF >>"$log" 2>&1 &&
        cmake --build "$folder/build" --target llama-server --parallel "$JOBS" >>"$log" 2>&1 ||
        cannot "llama-server cannot be built, see $log: $(last_words)"
    mv "$folder/build/bin/llama-server" "$folder/"
    rm -rf "$folder/build" "$folder"/llama_cpp_python-*
}

case $name in
    transformers) environment .venv-hf ;;
    vllm) environment .venv-vllm ;;
    llama) llama_server ;;
esac
rm -f ".engines/$name.reason" "$log"
echo "$made_from" >"$stamp"
