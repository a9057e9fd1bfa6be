"""The tests of a folder, run by pytest in a process of its own that writes nothing there.

No byte code, no cache of pytest's, no plug-ins of whoever runs this, no configuration but the folder's own conftest:
what comes out is a function of the folder's files, and so is a footprint that says it reads them and writes none.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Final

LONGEST_S: Final = 60.0
_LATER_S: Final = 5.0  # by then whoever started the tests has stopped them, or has gone

# pytest, which ends by itself at a time, also if nobody is left to stop a test without an end.
_PROGRAM: Final = """
import faulthandler, sys
faulthandler.dump_traceback_later(float(sys.argv.pop(1)), exit=True)
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""
_OPTIONS: Final = (
    *("-q", "--tb=short", "-rN", "--no-header", "--color=no", "-p", "no:cacheprovider"),
    *("-o", "console_output_style=classic"),
    # Without these two pytest looks for a configuration in the folders above, and takes the first that it finds.
    *("--rootdir", ".", "-c", os.devnull),
)
_FIXED: Final = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONSAFEPATH": "",  # the folder itself is where tests import from
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_ADDOPTS": "",
    "PYTEST_PLUGINS": "",
    "COLUMNS": "100",
}
_COUNT: Final = re.compile(r"(\d+) (passed|failed|errors?)\b")
# What is different each time: how long it took, and where things lay in memory.
_MOODS: Final = ((re.compile(r" in \d+(\.\d+)?s\b"), ""), (re.compile(r"\b0x[0-9a-f]{6,}"), "0x..."))
_NOTHING_RAN: Final = 5  # pytest's exit code where there are no tests; 0 to 2 are verdicts


def run_pytest(folder: Path, longest_s: float = LONGEST_S) -> dict[str, Any]:
    """How many tests passed and failed (those that could not start, too), and what pytest printed.

    Raises RuntimeError if there are no tests, if pytest itself fails, or after `longest_s`.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-c", _PROGRAM, str(longest_s + _LATER_S), *_OPTIONS],
            cwd=folder,
            env={**os.environ, **_FIXED},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=longest_s,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"the tests did not end within {longest_s:g} s") from None
    output = _calmed(done.stdout.strip(), folder)
    if done.returncode == _NOTHING_RAN:
        raise RuntimeError("there are no tests")
    if done.returncode not in (0, 1, 2):
        raise RuntimeError(f"pytest ended with code {done.returncode}: {output[-500:]}")
    counts = {"passed": 0, "failed": 0}
    for number, what in _COUNT.findall(output.rpartition("\n")[2]):
        counts["passed" if what == "passed" else "failed"] += int(number)
    return {**counts, "output": output}


def _calmed(output: str, folder: Path) -> str:
    """The output without what follows from something else than the files: the time, and where things lie."""
    places = sysconfig.get_paths()
    roots = {os.path.realpath(folder): "", str(folder.absolute()): ""}
    roots |= {places[name]: "<python>" for name in ("purelib", "platlib", "stdlib")}
    for root in sorted(roots, key=len, reverse=True):  # a site-packages may lie below its library
        output = output.replace(root + os.sep, f"{roots[root]}/" if roots[root] else "")
    for mood, calm in _MOODS:
        output = mood.sub(calm, output)
    return output
