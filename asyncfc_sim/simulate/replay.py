"""How long a call or a part of a message takes in a task: as it was recorded, or by the models.

A recorded message keeps its tokens under every policy, and its time, if that was recorded: the time to the first token
as it was, and every token as long as the others of its message. Where no token was counted, all of it is a wait.
"""

from __future__ import annotations

from asyncfc_sim.workloads.recorded_times import RecordedPart
from asyncfc_sim.workloads.workload import Task

from .durations import uniform
from .models import Models


def call_kind(task: Task, models: Models, origin: int, tool: str) -> str:
    """The kind of work that call `origin` of a task does."""
    return models.durations.kind_of(tool_kind(task, origin, tool))


def call_s(task: Task, models: Models, seed: int, origin: int, tool: str) -> float:
    """Seconds that call `origin` of a task runs: the same under every policy (common random numbers)."""
    known = recorded_call_s(task, models, origin)
    if known is not None:
        return known
    return models.durations.sample_s(tool_kind(task, origin, tool), uniform(seed, task.name, origin))


def recorded_call_s(task: Task, models: Models, origin: int) -> float | None:
    """Seconds that call `origin` ran when it was recorded; None where that is not known, or not to be replayed."""
    return task.recorded.call_s.get(origin) if task.recorded is not None and models.replay_tools else None


def tool_kind(task: Task, origin: int, tool: str) -> str:
    """The name by which a model of durations knows what call `origin` does."""
    if task.recorded is not None:
        tool = task.recorded.kinds.get(origin, tool)
    return task.kinds.get(tool, tool)


def call_part(task: Task, origin: int) -> RecordedPart | None:
    """What was decoded for call `origin`, if there is a recording of it."""
    return None if task.recorded is None else task.recorded.parts.get(origin)


def answer_part(task: Task, turn: int) -> RecordedPart | None:
    """What was decoded as the answer of a turn, if there is a recording of it."""
    return None if task.recorded is None else task.recorded.answers.get(turn)


def part_ttft_s(part: RecordedPart, models: Models) -> float:
    """Seconds from the request to the first token of the message of `part`.

    Where it was not recorded it is the decoder's for the tokens outside the recorded cache, and within `llm_s`.
    """
    message = part.message
    if models.replay_decoding and message.llm_s is not None and not message.tokens:
        return message.llm_s
    if models.replay_decoding and message.ttft_s is not None:
        return message.ttft_s
    cached = message.cached_tokens if models.decoder.prefix_cache else 0
    known = message.prompt_tokens is not None and cached is not None
    uncached = (message.prompt_tokens or 0) - (cached or 0) if known else 0
    ttft_s = models.decoder.ttft_s(uncached)
    return min(ttft_s, message.llm_s) if models.replay_decoding and message.llm_s is not None else ttft_s


def part_itl_s(part: RecordedPart, models: Models) -> float:
    """Seconds from one token of the message of `part` to its next."""
    message = part.message
    if not models.replay_decoding or message.llm_s is None or not message.tokens:
        return models.decoder.token_s(part.text_share)
    return (message.llm_s - part_ttft_s(part, models)) / message.tokens
