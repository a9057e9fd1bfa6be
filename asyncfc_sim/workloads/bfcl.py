"""The multi-turn conversations of the Berkeley Function-Calling Leaderboard (BFCL v4) as a workload.

The data and the tools are those of the package bfcl-eval (Apache-2.0). A conversation is a list of user messages,
each with the *golden* calls that answer it: what a perfect decoder does, written by people, with the arguments it
must give. There are no times in it, and no model's output. The split `base` has the plain conversations,
`long_context` the same in worlds blown up with noise, `miss_func` and `miss_param` those in which a tool or an
argument arrives one message late: the turn before has no calls, and the message that brings the tool has no words.

What is ours: golden calls become programs by the values seen to flow between them (value_flow.py), and tools get the
footprints of bfcl_effects.toml.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from asyncfc_sim.core.syntax import Call
from asyncfc_sim.language.wire import parse_pythonic

from .bfcl_classes import CLASSES, MissingBfcl, data_folder, methods
from .bfcl_effects import tools
from .bfcl_world import BfclWorld
from .value_flow import FlowCounts, Observed, connect
from .workload import Task, Turn

__all__ = ["SPLITS", "MissingBfcl", "flow_counts", "load"]

SPLITS: Final = ("base", "miss_func", "miss_param", "long_context")


class UnknownSplit(ValueError):
    """A split that BFCL does not have; the message names those that it has."""


def load(split: str, n: int | None = None) -> list[Task]:
    """The conversations of a split, or of `all` four, in the order of the data; the first `n` of them if given.

    Loading runs every golden call once, on the real tools, to see which values flow.
    """
    if n is not None and n < 1:
        raise UnknownSplit(f"the first {n} conversations of {split!r}: at least one is needed")
    return [task for task, _ in _read(split, n)]


def flow_counts(split: str, n: int | None = None) -> FlowCounts:
    """How much data flow was found inside the turns of a split."""
    return sum((counts for _, counts in _read(split, n)), FlowCounts())


def _read(split: str, n: int | None) -> list[tuple[Task, FlowCounts]]:
    if split not in (*SPLITS, "all"):
        raise UnknownSplit(f"there is no BFCL split {split!r}: choose one of {', '.join(SPLITS)}, all")
    splits = SPLITS if split == "all" else (split,)
    entries = [(name, entry, calls) for name in splits for entry, calls in _entries(name)]
    return [_task(*each) for each in entries[:n]]


def _entries(split: str) -> Iterator[tuple[Mapping[str, Any], Sequence[Sequence[str]]]]:
    """Each conversation with the golden calls of its turns."""
    name = f"BFCL_v4_multi_turn_{split}.json"
    golden = {answer["id"]: answer["ground_truth"] for answer in _lines(name, "possible_answer")}
    for entry in _lines(name):
        yield entry, golden[entry["id"]]


def _lines(name: str, *folders: str) -> list[Any]:
    text = data_folder().joinpath(*folders, name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _task(split: str, entry: Mapping[str, Any], golden: Sequence[Sequence[str]]) -> tuple[Task, FlowCounts]:
    classes: list[str] = entry["involved_classes"]
    start = BfclWorld.load(classes, entry["initial_config"], long_context=split == "long_context")
    prompts = ["\n".join(message["content"] for message in messages) for messages in entry["question"]]
    observed = _observe(start.copy(), classes, prompts, golden)
    programs, counts = connect(observed)
    task = Task(
        name=entry["id"],
        source=f"bfcl:{split}",
        turns=tuple(map(Turn, prompts, programs)),
        tools={name: tool for each in classes for name, tool in tools(each).items()},
        kinds={name: f"{each}.{name}" for each in classes for name in methods(each)},
        make_world=start.copy,
        preamble_chars=sum(map(_documentation_chars, classes)),
    )
    return task, counts


def _observe(
    world: BfclWorld, classes: Sequence[str], prompts: Sequence[str], golden: Sequence[Sequence[str]]
) -> list[Observed]:
    """The golden calls of a conversation, run one by one."""
    parameters = {name: tuple(each.signature.parameters) for owner in classes for name, each in methods(owner).items()}
    observed, future = [], 0
    for prompt, texts in zip(prompts, golden, strict=True):
        calls = []
        for text in texts:
            future += 1
            tool, args = parse_pythonic(text, parameters)
            calls.append(Call(future, tool, args))
        results = tuple(world.call(call.future, call.tool, call.args) for call in calls)
        observed.append(Observed(prompt, tuple(calls), results))
    return observed


@cache
def _documentation_chars(class_name: str) -> int:
    """The characters of documentation that BFCL gives a model for the tools of a class."""
    name = f"{CLASSES[class_name]}.json"
    return sum(len(json.dumps(tool)) for tool in _lines(name, "multi_turn_func_doc"))
