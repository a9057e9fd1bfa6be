"""Whether a repository was mended: its tests pass, and they are the tests that it had."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from .pytest_run import run_pytest
from .repository import Repository, read_files


def is_mended(repository: Repository, folder: Path) -> bool:
    """Files that equal the expert's, with which the tests are known to pass, or others with which they do pass."""
    found = read_files(folder)
    if found == repository.mended:
        return True
    if any(found.get(path) != text for path, text in repository.files.items() if is_test(path)):
        return False
    try:
        counts = run_pytest(folder)
    except RuntimeError:  # they do not end, or there are none any more
        return False
    return bool(counts["failed"] == 0 and counts["passed"] > 0)


def is_test(path: str) -> bool:
    """Whether a file holds tests, or what they stand on."""
    name = PurePosixPath(path).name
    return name == "conftest.py" or (name.startswith("test_") and name.endswith(".py"))
