"""A decoder is the timing model of one served LLM, read from `models/decoders/*.toml`.

It answers how long a prompt or a token takes and how many tokens a message has. It knows no schedule, no queue and no
randomness. Every figure is a `Quantity`, which carries its source, so that a report can say what was measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .model_file import Quantity, Section, model_names, read_model


@dataclass(frozen=True, slots=True)
class Curve:
    """A figure as a function of a count: straight lines between its points, and beyond the last one by `slope`.

    Before the first point it is the first point's value: nothing cheaper was measured.
    """

    points: tuple[tuple[int, Quantity], ...]
    slope: Quantity

    def at(self, count: int) -> float:
        """The figure at `count`, in the unit of the points."""
        before, value = self.points[0][0], self.points[0][1].value
        if count <= before:
            return value
        for after, point in self.points[1:]:
            if count <= after:
                return value + (point.value - value) * (count - before) / (after - before)
            before, value = after, point.value
        return value + self.slope.value * (count - before)


@dataclass(frozen=True, slots=True)
class Decoder:
    """The timing model of one LLM. Fields are figures with their sources; the methods give seconds and whole tokens.

    `call` is None where the tokens of a call are taken from its text instead. Without a `prefix_cache` every request
    reads all of its prompt, and all tokens of a prompt are uncached. `itl_text` and `itl_call` are the time of a token
    where it is known what is text and what a call, if these differ: servers send text token by token, and calls in
    larger parts. On a server that many share all tokens take the mean, `itl`.
    """

    name: str
    title: str
    engine: str
    hardware: str
    date: str
    ttft: Curve
    itl: Curve
    chars_per_token: Quantity
    call: Quantity | None
    step: Quantity
    answer: Quantity
    await_: Quantity
    placeholder: Quantity
    prefix_cache: bool = True
    itl_text: Quantity | None = None
    itl_call: Quantity | None = None

    def ttft_s(self, uncached_prompt_tokens: int) -> float:
        """Seconds from the request to its first token; only prompt tokens outside the prefix cache are counted."""
        if uncached_prompt_tokens < 0:
            raise ValueError(f"a prompt cannot have {uncached_prompt_tokens} tokens")
        return self.ttft.at(uncached_prompt_tokens)

    @property
    def least_ttft_s(self) -> float:
        """The shortest time to the first token, over all prompts: measured curves may dip beyond their first point."""
        return min(point.value for _, point in self.ttft.points)

    def prefill_s(self, uncached_prompt_tokens: int) -> float:
        """The part of `ttft_s` that grows with the prompt: work, where the rest is latency. Never below zero."""
        return max(0.0, self.ttft_s(uncached_prompt_tokens) - self.ttft_s(0))

    def itl_s(self, batch: int = 1) -> float:
        """Seconds from one token of a request to its next, with `batch` requests decoding together."""
        if batch < 1:
            raise ValueError(f"a batch has at least one request, not {batch}")
        return self.itl.at(batch)

    def token_s(self, text_share: float | None) -> float:
        """Seconds from a token to the next in a message, alone on the server, of whose tokens so many are text and the
        others calls; None where that is not known."""
        if text_share is None or self.itl_text is None or self.itl_call is None:
            return self.itl_s()
        return text_share * self.itl_text.value + (1 - text_share) * self.itl_call.value

    def text_tokens(self, text: str) -> int:
        """Tokens of `text`, by its length."""
        return math.ceil(len(text) / self.chars_per_token.value)

    def call_tokens(self, text: str) -> int:
        """Tokens decoded to write one call, whose JSON (name and arguments) is `text`."""
        return round(self.call.value) if self.call is not None else self.text_tokens(text)

    def step_tokens_at(self, u: float) -> int:
        """Tokens a message has besides its calls (reasoning, prose), at probability `u` of their distribution."""
        return round(self.step.at_one(u))

    @property
    def step_tokens(self) -> int:
        """Tokens a message has besides its calls: the median."""
        return round(self.step.value)

    @property
    def answer_tokens(self) -> int:
        """Tokens of a final answer, all in all: the median."""
        return round(self.answer.value)

    @property
    def await_tokens(self) -> int:
        """Tokens decoded to write an `await_future` call of one future."""
        return round(self.await_.value)

    @property
    def placeholder_tokens(self) -> int:
        """Prompt tokens that a placeholder takes in place of a result."""
        return round(self.placeholder.value)

    @property
    def itl_kinds(self) -> dict[str, Quantity]:
        """The time of a token by what it is of, where that is told apart."""
        kinds = {"text": self.itl_text, "call": self.itl_call}
        return {kind: figure for kind, figure in kinds.items() if figure is not None}

    def quantities(self) -> dict[str, Quantity]:
        """Every figure by its name, for reports that print where figures come from."""
        figures = {f"ttft@{x}": y for x, y in self.ttft.points} | {"ttft.slope": self.ttft.slope}
        figures |= {f"itl@{x}": y for x, y in self.itl.points} | {"itl.slope": self.itl.slope}
        figures |= {f"itl.{kind}": figure for kind, figure in self.itl_kinds.items()}
        tokens = {"chars_per_token": self.chars_per_token, "step": self.step, "answer": self.answer}
        tokens |= {"await": self.await_, "placeholder": self.placeholder}
        return figures | tokens | ({} if self.call is None else {"call": self.call})


def decoder_names() -> list[str]:
    """The decoders that come with the package, sorted."""
    return model_names("decoders")


def load_decoder(name_or_path: str) -> Decoder:
    """Load a decoder by name, or from a TOML file. Raises UnknownModelError or ModelFileError."""
    model = read_model("decoders", name_or_path)
    tokens, itl = model.section("tokens"), model.section("itl")
    kinds = [kind for kind in ("text", "call") if kind in itl.table]
    if len(kinds) == 1:
        raise itl.error(kinds[0], "a figure of tokens of text and one of calls belong together")
    chars_per_token = tokens.section("chars_per_token").quantity()
    if chars_per_token.value == 0:
        raise tokens.error("chars_per_token", "a number above zero is required")
    return Decoder(
        **{key: model.text(key) for key in ("name", "title", "engine", "hardware", "date")},
        ttft=_curve(model.section("ttft"), "uncached_prompt_tokens"),
        itl=_curve(itl, "batch"),
        chars_per_token=chars_per_token,
        call=tokens.section("call").quantity() if "call" in tokens.table else None,
        step=tokens.section("step").quantity(),
        answer=tokens.section("answer").quantity(),
        await_=tokens.section("await").quantity(),
        placeholder=tokens.section("placeholder").quantity(),
        prefix_cache=model.flag("prefix_cache", usual=True),
        itl_text=itl.section("text").quantity() if kinds else None,
        itl_call=itl.section("call").quantity() if kinds else None,
    )


def _curve(section: Section, count: str) -> Curve:
    points = tuple((int(point.number(count)), point.quantity()) for point in section.sections("points"))
    counts = [x for x, _ in points]
    if not points or counts != sorted(set(counts)):
        raise section.error("points", f"at least one point, with {count} rising, is required")
    return Curve(points, section.section("slope").quantity())
