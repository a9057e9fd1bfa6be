"""What a served model's endpoint can do for a run, found out by asking it. Nothing that it calls is executed.

Each check tries one thing and says what came, and what that means. Measured times are of this network and this moment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from asyncfc_sim.core.messages import AWAIT, assistant_message, placeholder, tool_message
from asyncfc_sim.core.policy import ASYNCFC
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, Value

from .doctor_prefix import PAIRS, WORDS, Prefixes, heard_twice
from .doctor_wire import Heard, Wire
from .model import ModelError
from .prompt import instructions, tool_schemas
from .replay_server import OWNER

Verdict = Literal["ok", "costs", "fails", "unknown", "unreachable"]

TOOL: Final = "add_numbers"
AT_ONCE: Final = 0.05  # of the time of a message: less than this between two moments is the same moment


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `verdict`: ok; costs (a run works, but loses something); fails; unknown (not tried, or not clear);
    or unreachable: nothing answers there that could be asked further."""

    check: str
    verdict: Verdict
    tried: str
    came: str
    means: str
    measured: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Probe:
    """A tool that is offered, and never run."""

    core: Tool
    description: str
    input_schema: Mapping[str, Any]

    async def run(self, args: Mapping[str, JSON]) -> Value:
        raise AssertionError("a probe is never run")


_NUMBERS: Final = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}
PROBE: Final = _Probe(Tool(TOOL), "Add two numbers.", _NUMBERS)
PLAIN: Final = [
    {"type": "function", "function": {"name": TOOL, "description": PROBE.description, "parameters": _NUMBERS}}
]


class Doctor:
    """Examines one endpoint. `model`: the one to ask; None for the first that is listed."""

    def __init__(self, wire: Wire, model: str | None = None) -> None:
        self.wire, self.model = wire, model
        self.replay = False  # what answers is no model
        self._stream = True
        self._notes: dict[str, None] = {}

    def examine(self) -> Iterator[Finding]:
        """The findings, each as soon as there is one. Ends early if nothing answers."""
        first = self._models()
        yield first
        if first.verdict == "unreachable":
            return
        checks: list[Callable[[], Finding]] = [self._message]
        if self.replay:
            checks += [self._replayed]
        else:
            checks += [self._call, self._forced, self._parallel, self._pending, self._prefix_cache]
        for check in checks:
            finding = self._checked(check)
            yield finding
            if finding.verdict == "unreachable":
                return
        yield self._oddities()

    def _checked(self, check: Callable[[], Finding]) -> Finding:
        """A finding, or what the server said instead."""
        try:
            return check()
        except ModelError as error:
            name, tried, lost = _FAILED[check.__name__]
            verdict: Verdict = "unreachable" if error.unreachable else "fails"
            if check == self._forced:
                verdict = "unknown"
            return Finding(name, verdict, tried, error.reason, lost)

    def _ask(self, content: str, **body: Any) -> Heard:
        return self._send([{"role": "user", "content": content}], **body)

    def _send(self, messages: Sequence[Mapping[str, Any]], **body: Any) -> Heard:
        heard = self.wire.chat(messages, stream=self._stream, model=self.model, **body)
        if heard.finish_reason != "length" or "max_tokens" not in body:  # else it is we who cut it off
            self._notes |= dict.fromkeys(heard.notes)
        ids = [call.tool_call_id for call in heard.calls]
        if not all(ids) or len(set(ids)) < len(ids):
            self._notes["calls have no ids, or several the same"] = None
        if heard.streamed and not heard.done:
            self._notes["a stream ended without [DONE]"] = None
        return heard

    # -------------------------------------------------------------------------------------------- the checks

    def _models(self) -> Finding:
        name, tried = "reachable", "GET /models"
        try:
            listed = self.wire.get("/models")
        except ModelError as error:
            if self.model is not None and "(404)" in error.reason:
                return Finding(name, "unknown", tried, error.reason, f"{self.model} is asked all the same")
            return Finding(name, "unreachable", tried, error.reason, "no run is possible")
        found = listed.get("data") if isinstance(listed, dict) else None
        models = [each for each in _listed(found) if isinstance(each, dict) and isinstance(each.get("id"), str)]
        names = [each["id"] for each in models]
        self.replay = any(each.get("owned_by") == OWNER for each in models)
        self.model = self.model or (names[0] if names else None)
        some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        came = f"{len(names)} model{'' if len(names) == 1 else 's'}: {some}" if names else "no models"
        if self.replay:
            came += "; a replay, no model"
        if self.model is None:
            return Finding(name, "unreachable", tried, came, "no run is possible without a model: name one")
        return Finding(name, "ok", tried, came, f"{self.model} is asked", {"models": list(names)})

    def _message(self) -> Finding:
        heard = self._ask("Count from one to twenty, in words.", max_tokens=100)
        tokens = heard.usage.completion_tokens
        measured = {**_times(heard), "chunks": heard.chunks, "tokens": tokens}
        tried = "a streamed message"
        if not heard.streamed:
            means = "calls start only when their message has ended"
            return Finding("stream", "costs", tried, "the whole message at once", means, measured)
        came = (
            f"{heard.chunks} chunks, the first after {heard.first_s or heard.end_s:.2f} s, all in {heard.end_s:.2f} s"
        )
        if heard.calls:
            came += f", {len(heard.calls)} calls in {heard.fragments} fragments"
        if tokens is None:
            return Finding("stream", "costs", tried, f"{came}; no usage", "a run does not know its tokens", measured)
        if heard.chunks > 1 and heard.first_s is not None and heard.end_s - heard.first_s < AT_ONCE * heard.end_s:
            means = "something holds the stream back: calls start only when their message has ended"
            return Finding("stream", "costs", tried, f"{came}: all of them at its end", means, measured)
        return Finding("stream", "ok", tried, came, "text and calls are seen as they are written", measured)

    def _call(self) -> Finding:
        content = f"What is 19 + 23? Use {TOOL}."
        try:
            heard = self._ask(content, tools=PLAIN, tool_choice="auto")
        except ModelError as error:
            if error.unreachable:
                raise
            self._stream = False  # some servers have calls only in whole messages
            heard = self._ask(content, tools=PLAIN, tool_choice="auto")
            self._notes[f"calls are not streamed: {error.reason}"] = None
        return self._judged("calls", "one small tool, tool_choice auto", heard, "no run can use tools")

    def _forced(self) -> Finding:
        heard = self._ask("What is 19 + 23?", tools=PLAIN, tool_choice="required")
        finding = self._judged("forced calls", "the same, tool_choice required", heard, "a run never forces a call")
        return finding if finding.verdict == "ok" else replace(finding, verdict="unknown")

    def _judged(self, check: str, tried: str, heard: Heard, without: str) -> Finding:
        measured = {**_times(heard), "calls": len(heard.calls), "fragments": heard.fragments}
        if not heard.calls:
            came = f"no call, finish_reason {heard.finish_reason}, text {_short(heard.text)}"
            return Finding(check, "fails", tried, came, without, measured)
        call = heard.calls[0]
        came = f"{call.tool}({_short(call.arguments)})"
        if not heard.streamed:
            came, verdict = f"{came}, not streamed", "costs"
        elif heard.fragments > len(heard.calls):
            came, verdict = f"{came}, in {heard.fragments} fragments", "ok"
        else:
            came, verdict = f"{came}, whole", "ok"
        if call.tool != TOOL:
            return Finding(check, "fails", tried, f"{came}: not the tool that was offered", without, measured)
        if not _is_object(call.arguments):
            return Finding(check, "fails", tried, f"{came}: its arguments are no JSON object", without, measured)
        means = {"ok": "a call starts when it is complete", "costs": "calls start only when their message has ended"}
        return Finding(check, verdict, tried, came, means[verdict], measured)  # type: ignore[arg-type]

    def _parallel(self) -> Finding:
        content = f"Work out 19 + 23 and 44 + 55. Make both calls of {TOOL} at once, in one message."
        heard = self._ask(content, tools=PLAIN, parallel_tool_calls=True)
        tried = "two calls in one message"
        measured = {**_times(heard), "calls": len(heard.calls), "closed_s": list(heard.closed_s)}
        if len(heard.calls) < 2:
            came = f"{len(heard.calls)} call{'' if len(heard.calls) == 1 else 's'}"
            means = "each call is a message of its own: futures overlap tools with further messages"
            return Finding("parallel calls", "unknown", tried, came, means, measured)
        lead_s = heard.end_s - heard.closed_s[0]
        came = f"{len(heard.calls)} calls; the first complete {lead_s:.2f} s before the message ended"
        if lead_s < AT_ONCE * heard.end_s:
            means = "calls start only when their message has ended"
            return Finding("parallel calls", "costs", tried, came, means, measured)
        return Finding("parallel calls", "ok", tried, came, "a call runs while the next is written", measured)

    def _pending(self) -> Finding:
        """A conversation as a run has it: widened schemas, the protocol's own tools, a placeholder for a result."""
        first = assistant_message(None, [("call_1", TOOL, '{"a": 19, "b": 23}')])
        content = f"Add 19 and 23, then add 10 to the sum. Use {TOOL} for both, and tell me the result."
        transcript = [
            {"role": "system", "content": instructions(ASYNCFC, None)},
            {"role": "user", "content": content},
            first,
            tool_message("call_1", placeholder(1)),
        ]
        heard = self._send(transcript, tools=tool_schemas([PROBE], ASYNCFC), tool_choice="auto")
        tried = "widened schemas (anyOf, $ref), and a call answered with its future"
        measured = {**_times(heard), "calls": len(heard.calls)}
        if not heard.calls:
            means = "the model did not go on; it may not know what to do with futures (bench --policy sync,blind says)"
            return Finding("futures", "unknown", tried, f"text: {_short(heard.text)}", means, measured)
        call = heard.calls[0]
        came = f"{call.tool}({_short(call.arguments)})"
        if "$f1" in str(call.arguments):
            means = "the model awaits the result" if call.tool == AWAIT else "the model passes on what is still pending"
            return Finding("futures", "ok", tried, came, means, measured)
        means = "it is understood by the server, but the model did not refer to the pending result here"
        return Finding("futures", "unknown", tried, came, means, measured)

    def _prefix_cache(self) -> Finding:
        found, words = self._prefixes()
        tried = f"{PAIRS} prompts of {words} words, each twice"
        measured = {**asdict(found), "ratio": found.ratio}
        verdicts: dict[bool | None, tuple[Verdict, str]] = {
            True: ("ok", "a further turn costs only what is new"),
            False: ("costs", "each turn reads the whole conversation again; fewer, larger messages are better"),
            None: ("unknown", "not clear from this"),
        }
        verdict, means = verdicts[found.kept]
        return Finding("prefix cache", verdict, tried, str(found), means, measured)

    def _prefixes(self) -> tuple[Prefixes, int]:
        """What was measured, and with prompts of how many words: long ones, if the model can read so much."""
        for words in WORDS[:-1]:
            try:
                return self._prefixes_of(words), words
            except ModelError as error:
                if error.retryable or error.unreachable:
                    raise
        return self._prefixes_of(WORDS[-1]), WORDS[-1]

    def _prefixes_of(self, words: int) -> Prefixes:
        return heard_twice(lambda prompt: self._ask(prompt, max_tokens=8), words)

    def _replayed(self) -> Finding:
        means = "streams can be tried against it; it says nothing about a model"
        return Finding("the rest", "unknown", "nothing more", "a replay sends what was recorded", means)

    def _oddities(self) -> Finding:
        """What was odd in any stream, and was put right; and what the server was found not to take."""
        odd = [*self._notes, *(f"{name} is refused" for name in self.wire.left_out)]
        tried = f"{self.wire.requests} requests in all"
        if not odd:
            return Finding("oddities", "ok", tried, "none", "nothing has to be put right")
        lost = [note for note in odd if any(word in note for word in _LOSSES)]
        means = "of this, a run may lose calls or text" if lost else "a run puts this right"
        return Finding("oddities", "costs" if lost else "ok", tried, "; ".join(odd), means, {"notes": list(odd)})


# What cannot be put right, in the words of the notes.
_LOSSES: Final = ("was ignored", "not complete", "cut off", "plain text", "mixed")

# What a check that failed was called, what it tried, and what its failure means.
_FAILED: Final = {
    "_message": ("stream", "a streamed message", "no run is possible"),
    "_call": ("calls", "one small tool, tool_choice auto", "no run can use tools"),
    "_forced": ("forced calls", "the same, tool_choice required", "a run never forces a call"),
    "_parallel": ("parallel calls", "two calls in one message", "a run may break off at such a message"),
    "_pending": ("futures", "widened schemas, and a call answered with its future", "only --policy sync may work"),
    "_prefix_cache": ("prefix cache", "a long prompt, twice", "long conversations may fail"),
}


def _times(heard: Heard) -> dict[str, JSON]:
    return {"ttft_s": heard.first_s, "end_s": heard.end_s}


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_object(arguments: object) -> bool:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return False
    return isinstance(arguments, Mapping)


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
