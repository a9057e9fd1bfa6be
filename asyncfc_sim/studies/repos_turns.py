"""What the expert of the repositories writes, as recorded turns: its calls, at the pace of a model that was measured.

The calls are the expert's. How long a message is and how long it takes is drawn from what a real model took over real
repositories (the files beside the recordings say which): the tokens of its thoughts from those of messages that did the
same kind of work, the tokens of its calls by their length, the time by a fit. That model wrote one command a message.
Before each of its steps the expert thinks as that model did, wherever the step stands in a message: a policy whose
messages hold more calls saves no thought (assumed), and policies differ in nothing but what they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import ceil
from pathlib import Path
from typing import Final
from zlib import crc32

from asyncfc_sim.core.messages import AWAIT, arguments
from asyncfc_sim.core.references import Ref
from asyncfc_sim.live.model import Usage
from asyncfc_sim.live.replay import Replay, ReplayCall, ReplayMessage
from asyncfc_sim.simulate.decoder import Decoder, load_decoder
from asyncfc_sim.simulate.model_file import Quantity, read_model
from asyncfc_sim.workloads.repos.expert import Message, messages
from asyncfc_sim.workloads.repos.repository import Repository

SOURCE: Final = "by an expert, tokens and times drawn from gemini-3-pro-preview's (mini-swe-agent)"
PREFIX: Final = "repos"  # what the names of all recordings begin with

# The kind of work that a step is, for the thought before it.
_WORK: Final = {"read_file": "inspect", "grep": "inspect", "edit": "edit", "run_tests": "test"}
_ANSWER: Final = "answer"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the expert writes, and how many tokens it thinks before a message, by the kind of work."""

    decoder: Decoder
    thoughts: Mapping[str, Quantity]


@cache
def pace() -> Pace:
    """The pace that comes with the recordings."""
    folder = recorded_folder()
    thoughts = read_model("decoders", str(folder / "thoughts.toml"))
    kinds = dict.fromkeys((*_WORK.values(), _ANSWER))
    return Pace(
        load_decoder(str(folder / "gemini-3-pro.toml")), {kind: thoughts.section(kind).quantity() for kind in kinds}
    )


def recorded_folder() -> Path:
    return Path(str(files("asyncfc_sim.workloads.repos"))) / "recorded"


def recorded_name(repository: Repository, policy: str) -> str:
    """The model as which the turns of a repository are served."""
    return f"{PREFIX}/{repository.name}/{policy}"


def expert_replay(repository: Repository, policy: str, *, futures: bool) -> Replay:
    """The expert's turns in one of both worlds, named after `policy`."""
    turns = tuple(_turn(repository, message) for message in messages(repository, futures=futures))
    name = recorded_name(repository, policy)
    return Replay(name, f"calls {SOURCE}", (turns,), prompts=(repository.prompt,), futures=futures)


def _turn(repository: Repository, message: Message) -> ReplayMessage:
    decoder = pace().decoder
    ttft_s, token_s = decoder.ttft_s(0), decoder.itl_s()
    written = [
        (step.tool, arguments(step.args), _thought(repository.name, step.name, _WORK[step.tool]))
        for step in message.steps
    ]
    if message.awaits:
        written.append((AWAIT, arguments({"ids": [Ref(number) for number in message.awaits]}), 0))
    tokens, calls = 0, []
    for tool, text, thought in written:
        tokens += thought + decoder.call_tokens(json.dumps({"name": tool, "arguments": text}))
        calls.append(ReplayCall(tool, text, ttft_s + tokens * token_s))
    if message.text is not None:
        tokens += _thought(repository.name, _ANSWER, _ANSWER) + decoder.text_tokens(message.text)
    return ReplayMessage(tuple(calls), message.text, ttft_s, ttft_s + tokens * token_s, Usage(completion_tokens=tokens))


def _thought(repository: str, step: str, work: str) -> int:
    """Tokens of the thought before a step, at a probability that follows from the step."""
    return ceil(pace().thoughts[work].at_one(crc32(f"{repository}/{step}".encode()) / 2**32))
