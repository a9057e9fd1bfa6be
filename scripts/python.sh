# Sourced by the other scripts: which Pythons does this machine have?

# True if $1 runs, is at least 3.11, and can make a virtual environment with pip in it.
usable() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Print a usable interpreter of version $1 (as in 3.12), or fail. A pyenv shim may stand on the PATH and
# yet refuse to run, so pyenv's own folder is asked too.
find_python() {
    local candidate
    for candidate in "python$1" "$(pyenv root 2>/dev/null || true)"/versions/"$1".*/bin/python; do
        if usable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}
