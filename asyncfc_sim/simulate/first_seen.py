"""When the first token of a message is seen, as against when it is decoded.

Servers show a call in the stream only once its name is complete, some only when all of it is. So what is measured as
the time to the first token is longer for messages that open with a call than for those that open with text, while the
time of the whole message is not. A decoder that was fitted to whole messages says when these end; this says when one
first sees something of them, and of recorded messages, when their first token was decoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final

from asyncfc_sim.traces.emission import EmittedMessage
from asyncfc_sim.traces.sessions import RecordedSession, RecordedStep

from .decoder import Decoder
from .fit_samples import with_uncached
from .script import NextMessage
from .writing import Writer, Writing


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """Seconds by which the first token is seen later than the decoder's time to the first token has it.

    Of messages that open with text, and with a call. A decoder of whole messages counts from before its first token, so
    they may be below zero.
    """

    text_s: float = 0.0
    calls_s: float = 0.0

    def of(self, opens_with_call: bool) -> float:
        return self.calls_s if opens_with_call else self.text_s


AT_ONCE: Final = FirstSeen()


def first_seen(messages: Iterable[EmittedMessage], decoder: Decoder) -> FirstSeen:
    """The median over messages whose prompts were counted; 0 where there are none."""
    later: dict[bool, list[float]] = {False: [], True: []}
    for message in messages:
        if message.uncached_tokens is not None:
            later[message.opens_with_call].append(message.ttft_s - decoder.ttft_s(message.uncached_tokens))
    return FirstSeen(*(median(later[kind]) if later[kind] else 0.0 for kind in (False, True)))


class SeenLater:
    """A writer (writing.py) whose messages are first seen when `seen` says; those with calls are taken to open with
    one."""

    def __init__(self, writer: Writer, seen: FirstSeen) -> None:
        self._writer, self._seen = writer, seen

    def time(self, message: NextMessage, transcript: Sequence[dict[str, Any]], cached: int) -> Writing:
        writing = self._writer.time(message, transcript, cached)
        seen_s = max(0.0, writing.first_token_s + self._seen.of(bool(message.calls)))
        return replace(writing, first_token_s=min(seen_s, *writing.calls_s, writing.end_s))


def as_decoded(session: RecordedSession, decoder: Decoder) -> RecordedSession:
    """The session with what the fit of `decoder` has found of it: how many tokens of each prompt were cached, and how
    many a message has, if nobody said so; and when the first token was decoded, not when it was seen. The share of a
    message's time that this took is the one it has with `decoder`; so its calls are where they were in its tokens,
    though nothing was seen of these."""

    def step(one: RecordedStep, uncached: float) -> RecordedStep:
        read = 0
        if one.prompt_tokens is not None:
            read = round(uncached) if decoder.prefix_cache else one.prompt_tokens
            one = replace(one, cached_tokens=one.prompt_tokens - read)
        ttft_s, token_s = decoder.ttft_s(read), decoder.token_s(one.text_share)
        if one.llm_s is None:
            return one
        if not one.out_tokens:  # nobody counted them
            return replace(one, out_tokens=round(max(0.0, one.llm_s - ttft_s) / token_s), ttft_s=min(ttft_s, one.llm_s))
        decode_s = one.out_tokens * token_s
        return replace(one, ttft_s=one.llm_s * ttft_s / (ttft_s + decode_s))

    steps = iter([step(one, uncached) for one, uncached in with_uncached(session)])
    turns = tuple(replace(turn, steps=tuple(next(steps) for _ in turn.steps)) for turn in session.turns)
    return replace(session, turns=turns)
