"""When the first token of a message is seen, as against when it is decoded.

Servers show a call in the stream only once its name is complete, some only when all of it is. So what is measured as
the time to the first token is longer for messages that open with a call than for those that open with text, while the
time of the whole message is not. A decoder that was fitted to whole messages says when these end; this says when one
first sees something of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from asyncfc_sim.traces.emission import EmittedMessage

from .decoder import Decoder


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """Seconds by which the first token is seen later than the decoder's time to the first token has it.

    Of messages that open with text, and with a call. A decoder of whole messages counts from before its first token, so
    they may be below zero.
    """

    text_s: float = 0.0
    calls_s: float = 0.0

    def of(self, message: EmittedMessage) -> float:
        return self.calls_s if _opens_with_call(message) else self.text_s


def _opens_with_call(message: EmittedMessage) -> bool:
    return bool(message.calls) and not message.text


def first_seen(messages: Iterable[EmittedMessage], decoder: Decoder) -> FirstSeen:
    """The median over messages whose prompts were counted; 0 where there are none."""
    later: dict[bool, list[float]] = {False: [], True: []}
    for message in messages:
        if message.uncached_tokens is not None:
            later[_opens_with_call(message)].append(message.ttft_s - decoder.ttft_s(message.uncached_tokens))
    return FirstSeen(*(median(later[kind]) if later[kind] else 0.0 for kind in (False, True)))
