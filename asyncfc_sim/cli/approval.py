"""Whether a call may run, asked of the person at the terminal."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from .agent_options import BadOption

if TYPE_CHECKING:
    from asyncfc_sim.core.session_events import AskApproval

LONGEST_SHOWN = 2000


def approval(answer: str) -> Callable[[AskApproval], bool | Awaitable[bool]]:
    """Who decides, by the word of `--approve`. Without a terminal, calls are refused. Raises BadOption."""
    match answer:
        case "all":
            return lambda question: True
        case "none":
            return lambda question: False
        case "ask":
            return _Terminal().ask
    raise BadOption(f"--approve {answer!r}: expected ask, all or none")


class _Terminal:
    """Asks one question at a time; a question that is withdrawn is cancelled with its task."""

    def __init__(self) -> None:
        self._free = asyncio.Lock()

    async def ask(self, question: AskApproval) -> bool:
        if not sys.stdin.isatty():
            print(
                f"refused: {_call(question)}: there is no terminal to ask on (--approve all allows it)", file=sys.stderr
            )
            return False
        async with self._free:
            print(f"\nrun {_call(question)}? [y/N] ", end="", file=sys.stderr, flush=True)
            return (await _line()).strip().lower() in ("y", "yes")


def _call(question: AskApproval) -> str:
    args = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in question.args.items())
    shown = args if len(args) <= LONGEST_SHOWN else f"{args[:LONGEST_SHOWN]}..."
    return f"$f{question.future} = {question.tool}({shown})"


async def _line() -> str:
    """The next line of stdin; waiting for it can be cancelled, which a thread that reads cannot."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ready.set)
    try:
        await ready.wait()
        return sys.stdin.readline()
    finally:
        loop.remove_reader(sys.stdin.fileno())
