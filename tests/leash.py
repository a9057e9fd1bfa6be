"""Run a program on a leash: `python leash.py PROGRAM ...` ends it, and all that it started, when our stdin ends.

Whoever holds the other end of stdin may die in any way, and the program still goes. To be started in a session of its
own: the whole process group is signalled, also when the program has ended by itself and left something behind.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

PATIENCE_S = 10.0
LOOK_S = 0.1


def main() -> None:
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    while program.poll() is None and not select.select([sys.stdin], [], [], LOOK_S)[0]:
        pass
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    ends_s = time.monotonic() + PATIENCE_S
    while program.poll() is None and time.monotonic() < ends_s:
        time.sleep(LOOK_S)
    os.killpg(0, signal.SIGKILL)  # this process, too


if __name__ == "__main__":
    main()
