"""Write into the litmus tests how many states the explorer looks at now. Nothing else in them changes.

Run it when a change of the explorer or of a test is meant to change these numbers, and read the difference it makes:
fewer states are better, and a verdict never changes this way. Names of tests may be given: `pin_litmus.py WW RAW`.
"""

from __future__ import annotations

import sys

from asyncfc_sim.language.litmus import with_counts
from asyncfc_sim.verify.litmus import run_litmus
from asyncfc_sim.workloads.litmus_file import litmus_files, load_litmus


def pin(names: list[str]) -> None:
    for path in litmus_files():
        test = load_litmus(str(path))
        if names and test.name not in names:
            continue
        counts = {finding.expectation.column: finding.states for finding in run_litmus(test).findings}
        text = path.read_text(encoding="utf-8")
        if (pinned := with_counts(text, counts, str(path))) != text:
            path.write_text(pinned, encoding="utf-8")
            print(test.name)


if __name__ == "__main__":
    pin(sys.argv[1:])
