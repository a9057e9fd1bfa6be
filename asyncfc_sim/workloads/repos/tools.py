"""What an agent does with a repository: read files, search them, edit them, run the tests.

Footprints are keyed by path. What no call may touch at once with another follows from them: an edit waits for the test
run that reads its file, two edits of one file for one another, and edits of two files for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from asyncfc_sim.tools.decorator import tool

from .pytest_run import run_pytest


def repo_tools(root: Path) -> list[Callable[..., Any]]:
    """read_file, grep, edit and run_tests, of the repository in the folder `root`."""

    @tool(reads=["file:{path}"])
    def read_file(path: str) -> str:
        """The text of a file of the repository."""
        return _text(root, path)

    @tool(reads=["file:{folder}/*"])
    def grep(pattern: str, folder: str = ".") -> list[str]:
        """Search the files of a folder for a regular expression: matching lines, as `path:number: line`."""
        return _matches(root, pattern, folder)

    @tool(writes=["file:{path}"])
    def edit(path: str, old: str, new: str) -> str:
        """Replace a piece of text in a file; it must occur in it exactly once."""
        text = _text(root, path)
        if (found := text.count(old)) != 1 or not old:
            raise ValueError(f"{path}: expected the old text once, found it {found} times")
        _inside(root, path).write_bytes(text.replace(old, new).encode())
        return f"edited {path}"

    @tool(reads=["file:*"])
    def run_tests() -> dict[str, Any]:
        """Run all tests of the repository."""
        return run_pytest(root)

    return [read_file, grep, edit, run_tests]


def _inside(root: Path, path: str) -> Path:
    """The place of a path of the repository. Raises ValueError for one that leads elsewhere.

    A path has one key, whichever way it is written, because what could give it a second (`..`, `\\`) is refused.
    """
    parts = PurePosixPath(path).parts
    if not path or path.startswith("/") or ".." in parts or "\\" in path or ":" in path:
        raise ValueError(f"{path!r}: expected a path inside the repository, such as src/name.py")
    return root.joinpath(*parts)


def _text(root: Path, path: str) -> str:
    place = _inside(root, path)
    if not place.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    return place.read_bytes().decode()


def _matches(root: Path, pattern: str, folder: str) -> list[str]:
    wanted, place = re.compile(pattern), _inside(root, folder)
    if not place.is_dir():
        raise NotADirectoryError(f"there is no folder {folder}")
    found = []
    for path in sorted(path for path in place.rglob("*") if path.is_file()):
        name = path.relative_to(root).as_posix()
        lines = path.read_bytes().decode("utf-8", "replace").splitlines()
        found += [f"{name}:{number}: {line}" for number, line in enumerate(lines, 1) if wanted.search(line)]
    return found
