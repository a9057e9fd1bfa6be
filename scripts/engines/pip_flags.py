"""Print where the user's own pip looks for packages, as flags of uv: one word a line.

pip and uv read different configurations. What this project installs comes from where the user's pip would take it (its
configuration files and its PIP_... variables, as `pip config list` shows them), the CPU build of torch above all.
"""

from __future__ import annotations

import ast
import subprocess
import sys

# pip's names of what holds a place, or several separated by blanks; the flags of uv have the same names.
NAMES = ("index-url", "extra-index-url", "find-links")
# The sections that `pip install` obeys, the strongest last.
SECTIONS = ("global", "install", ":env:")


def flags(listed: str) -> list[str]:
    """The flags for the lines of `pip config list`, such as "global.find-links='/some/folder'"."""
    found: dict[tuple[str, str], str] = {}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.partition(".")
        found[section, name] = value
    words: list[str] = []
    for name in NAMES:
        values = [found[section, name] for section in SECTIONS if (section, name) in found]
        for place in str(ast.literal_eval(values[-1])).split() if values else ():
            words += [f"--{name}", place]
    # As pip does: the best version of all places, not only of the first that has the package.
    return [*words, "--index-strategy", "unsafe-best-match"]


if __name__ == "__main__":
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    print("\n".join(flags(listed.stdout)))
