"""What a served model's endpoint can do for a run, found out by asking it. Nothing that it calls is executed.

Each check tries one thing and says what came, and what that means. Measured times are of this network and this moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Final

from . import doctor_calls as calls
from . import doctor_server as server
from .doctor_exam import SMALL, Exam
from .doctor_finding import AT_ONCE, AT_THE_END, Finding, Verdict, counted, times
from .doctor_patient import Patient
from .doctor_prefix import PAIRS, WORDS, Prefixes, heard_twice
from .doctor_wire import Wire
from .model import ModelError

Check = Callable[[Patient], Finding]


class Doctor:
    """Examines one endpoint. `model`: the one to ask; None for the first that is listed."""

    def __init__(self, wire: Wire, model: str | None = None, exam: Exam = SMALL) -> None:
        self.patient = Patient(wire, exam, model)

    def examine(self) -> Iterator[Finding]:
        """The findings, each as soon as there is one. Ends early if nothing answers."""
        first = _checked(server.models, self.patient)
        yield first
        if first.verdict == "unreachable":
            return
        for check in (_message, _replayed) if self.patient.replay else _CHECKS:
            finding = _checked(check, self.patient)
            yield finding
            if finding.verdict == "unreachable":
                return
        yield _oddities(self.patient)


def _checked(check: Check, patient: Patient) -> Finding:
    """A finding, or what the server said instead."""
    try:
        return patient.again(lambda: check(patient))
    except ModelError as error:
        name, tried, lost = _FAILED[check]
        verdict: Verdict = "unreachable" if error.unreachable else "fails"
        if check in _NEVER_NEEDED and not error.unreachable:
            verdict = "unknown"
        return Finding(name, verdict, tried, error.reason, lost)


def _message(patient: Patient) -> Finding:
    heard = patient.ask("Count from one to twenty, in words.", max_tokens=100)
    tokens = heard.usage.completion_tokens
    measured = {**times(heard), "chunks": heard.chunks, "tokens": tokens}
    tried = "a streamed message"
    if not heard.streamed:
        return Finding("stream", "costs", tried, "the whole message at once", AT_THE_END, measured)
    came = f"{heard.chunks} chunks, the first after {heard.first_s or heard.end_s:.2f} s, all in {heard.end_s:.2f} s"
    if heard.calls:
        came += f", {counted(len(heard.calls), 'call')} in {heard.fragments} fragments"
    if not heard.chunks:
        return Finding("stream", "unknown", tried, "no text at all", "not clear from this", measured)
    if tokens is None:
        return Finding("stream", "costs", tried, f"{came}; no usage", "a run does not know its tokens", measured)
    if heard.chunks > 1 and heard.first_s is not None and heard.end_s - heard.first_s < AT_ONCE * heard.end_s:
        means = f"something holds the stream back: {AT_THE_END}"
        return Finding("stream", "costs", tried, f"{came}: all of them at its end", means, measured)
    return Finding("stream", "ok", tried, came, "text and calls are seen as they are written", measured)


def _prefix_cache(patient: Patient) -> Finding:
    found, words = _prefixes(patient)
    tried = f"{PAIRS} prompts of {words} words, each twice"
    measured = {**asdict(found), "ratio": found.ratio}
    verdicts: dict[bool | None, tuple[Verdict, str]] = {
        True: ("ok", "a further turn costs only what is new"),
        False: ("costs", "each turn reads the whole conversation again; fewer, larger messages are better"),
        None: ("unknown", "not clear from this"),
    }
    verdict, means = verdicts[found.kept]
    return Finding("prefix cache", verdict, tried, str(found), means, measured)


def _prefixes(patient: Patient) -> tuple[Prefixes, int]:
    """What was measured, and with prompts of how many words: long ones, if the model can read so much."""

    def of(words: int) -> Prefixes:
        # Only the first token is timed, and what a model goes on to write about nonsense its server may fail to read.
        return heard_twice(lambda prompt: patient.ask(prompt, max_tokens=1), words)

    for words in WORDS[:-1]:
        try:
            return of(words), words
        except ModelError as error:
            if error.retryable or error.unreachable:
                raise
    return of(WORDS[-1]), WORDS[-1]


def _replayed(patient: Patient) -> Finding:
    means = "streams can be tried against it; it says nothing about a model"
    return Finding("the rest", "unknown", "nothing more", "a replay sends what was recorded", means)


def _oddities(patient: Patient) -> Finding:
    """What was odd in any stream, and was put right; what the server was found not to take; and its accidents."""
    odd = [*patient.notes, *(f"{name} is refused" for name in patient.wire.left_out)]
    tried = f"{patient.wire.requests} requests in all"
    accidents = [f"{reason} (it was asked once more)" for reason in dict.fromkeys(patient.accidents)]
    if not odd and not accidents:
        return Finding("oddities", "ok", tried, "none", "nothing has to be put right")
    lost = [note for note in odd if any(word in note for word in _LOSSES)]
    means = "of this, a run may lose calls or text" if lost else "a run puts this right"
    came = [*odd, *accidents]
    return Finding("oddities", "costs" if lost else "ok", tried, "; ".join(came), means, {"notes": list(came)})


# What cannot be put right, in the words of the notes.
_LOSSES: Final = ("was ignored", "not complete", "cut off", "plain text", "mixed")

_CHECKS: Final[tuple[Check, ...]] = (
    _message,
    calls.call,
    calls.forced,
    calls.choice,
    calls.parallel,
    calls.pending,
    _prefix_cache,
    server.side_by_side,
    server.wrong_name,
    server.unknown_fields,
)

# What a check that failed was called, what it tried, and what its failure means.
_FAILED: Final[dict[Check, tuple[str, str, str]]] = {
    server.models: ("reachable", "GET /models", "no run is possible"),
    _message: ("stream", "a streamed message", "no run is possible"),
    calls.call: ("calls", "a tool, tool_choice auto", "no run can use tools"),
    calls.forced: ("forced calls", "the same, tool_choice required", "a run never forces a call"),
    calls.choice: ("tool_choice", "the same, tool_choice none", "a run leaves the choice to the model"),
    calls.parallel: ("parallel calls", "two calls in one message", "a run may break off at such a message"),
    calls.pending: ("futures", "widened schemas, and a call answered with its future", "only --policy sync may work"),
    _prefix_cache: ("prefix cache", "a long prompt, twice", "long conversations may fail"),
    server.side_by_side: ("side by side", "two messages asked for at once", "one conversation at a time may work"),
    server.wrong_name: ("model name", "a model that it does not have", "a run asks for one that it has"),
    server.unknown_fields: ("unknown fields", "a field that nobody knows", "a run sends none"),
}
# A run works without what these try.
_NEVER_NEEDED: Final = (calls.forced, calls.choice, server.wrong_name, server.unknown_fields)
