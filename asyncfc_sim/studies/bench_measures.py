"""What is measured of one live run, from its trace and from what the server says of its tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from asyncfc_sim.live.run import AgentRun

Metric = Literal["ttft", "tpot", "e2el", "wait"]
METRICS: Final = get_args(Metric)

# Shown with every result.
DEFINITIONS: Final[Mapping[str, str]] = {
    "e2el": "from the user's message to the answer",
    "ttft": "from a request to its first token; one value a message of the model",
    "tpot": "time per output token after the first; one value a message of two tokens or more",
    "wait": "from the end of each message to the next request, or to the answer: summed over a conversation",
}


@dataclass(frozen=True, slots=True)
class Measures:
    """One answered run. Times are seconds; tokens are None where the server does not count them."""

    e2el_s: float
    wait_s: float
    ttft_s: tuple[float, ...]
    tpot_s: tuple[float, ...]
    requests: int
    calls: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    decode_s: float
    tool_tool_s: float
    decode_tool_s: float
    certified: bool
    answer: str
    transcript: str  # what the model saw, ids of calls left out: equal texts, equal transcripts

    def values_s(self, metric: Metric) -> tuple[float, ...]:
        """The values of a metric in this run."""
        match metric:
            case "ttft":
                return self.ttft_s
            case "tpot":
                return self.tpot_s
            case "e2el":
                return (self.e2el_s,)
            case "wait":
                return (self.wait_s,)


def measured(run: AgentRun) -> Measures:
    """Measure a run that was answered. Raises TraceError if its trace contradicts itself."""
    ttft_s, tpot_s = _of_messages(run)
    began_s = next((t for t, rule, _ in run.trace.events if rule == "user"), 0.0)
    answered_s = max((t for t, rule, _ in run.trace.events if rule == "answer"), default=run.elapsed_s)
    return Measures(
        e2el_s=answered_s - began_s,
        wait_s=sum(span.end_s - span.start_s for span in run.timeline.decoder if span.kind == "wait"),
        ttft_s=ttft_s,
        tpot_s=tpot_s,
        requests=run.requests,
        calls=len(run.timeline.calls),
        prompt_tokens=run.usage.prompt_tokens,
        completion_tokens=run.usage.completion_tokens,
        cached_tokens=run.usage.cached_tokens,
        decode_s=run.saved.decode_s,
        tool_tool_s=run.saved.tool_tool_s,
        decode_tool_s=run.saved.decode_tool_s,
        certified=run.certificate.certified,
        answer=run.output,
        transcript=_without_ids(run),
    )


def _without_ids(run: AgentRun) -> str:
    """The chat as text. Servers draw the ids of calls at random, and calls are answered in their order anyway."""
    said = [
        {
            "role": message["role"],
            "content": message.get("content"),
            "calls": [call["function"] for call in message.get("tool_calls") or ()],
        }
        for message in run.messages
    ]
    return json.dumps(said, sort_keys=True)


def _of_messages(run: AgentRun) -> tuple[tuple[float, ...], tuple[float, ...]]:
    ttft_s: list[float] = []
    tpot_s: list[float] = []
    requested_s = first_s = None
    for t, rule, fields in run.trace.events:
        if rule == "request":
            requested_s, first_s = t, None
        elif rule == "first_token" and requested_s is not None and first_s is None:
            first_s = t
            ttft_s.append(t - requested_s)
        elif rule == "message" and first_s is not None:
            tokens = fields.get("tokens")
            if isinstance(tokens, int) and tokens > 1:
                tpot_s.append((t - first_s) / (tokens - 1))
    return tuple(ttft_s), tuple(tpot_s)
