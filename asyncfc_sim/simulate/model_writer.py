"""Decoders and tool profiles as the TOML files that `load_decoder` and `load_durations` read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from .decoder import Curve, Decoder
from .durations import DurationModel, Rule
from .model_file import QUANTILES, Quantity

DIGITS = 6  # that count


def decoder_toml(decoder: Decoder, comments: Iterable[str]) -> str:
    """The file of a decoder, opened by comments."""
    tokens = {"chars_per_token": decoder.chars_per_token}
    tokens |= {} if decoder.call is None else {"call": decoder.call}
    tokens |= {"step": decoder.step, "answer": decoder.answer}
    tokens |= {"await": decoder.await_, "placeholder": decoder.placeholder}
    lines = [
        *_comments(comments),
        "",
        *(f"{key} = {_text(getattr(decoder, key))}" for key in ("name", "title", "engine", "hardware", "date")),
        *([] if decoder.prefix_cache else ["prefix_cache = false"]),
        "",
        "[ttft]",
        *_curve(decoder.ttft, "uncached_prompt_tokens"),
        "",
        "[itl]",
        *_curve(decoder.itl, "batch"),
        *(f"{kind} = {_table(_fields(quantity))}" for kind, quantity in decoder.itl_kinds.items()),
        "",
        "[tokens]",
        *(f"{key} = {_table(_fields(quantity))}" for key, quantity in tokens.items()),
    ]
    return "\n".join(lines) + "\n"


def durations_toml(profile: DurationModel, comments: Iterable[str]) -> str:
    """The file of a profile with all its kinds, opened by comments."""
    lines = [
        *_comments(comments),
        "",
        f"name = {_text(profile.name)}",
        f"title = {_text(profile.title)}",
        f"default = {_rule(profile.default, with_pattern=False)}",
        "rules = [",
        *(f"  {_rule(rule, with_pattern=True)}," for rule in profile.rules),
        "]",
    ]
    for kind, quantity in profile.kinds.items():
        lines += ["", f"[kinds.{_key(kind)}]", *(f"{name} = {value}" for name, value in _fields(quantity))]
    return "\n".join(lines) + "\n"


def _curve(curve: Curve, count: str) -> Iterator[str]:
    yield "points = ["
    for at, quantity in curve.points:
        yield f"  {_table([(count, str(at)), *_fields(quantity)])},"
    yield "]"
    yield f"slope = {_table(_fields(curve.slope))}"


def _fields(quantity: Quantity) -> list[tuple[str, str]]:
    names = {probability: name for name, probability in QUANTILES.items()}
    values = [(names[p], value) for p, value in quantity.quantiles] or [("value", quantity.value)]
    fields = [(name, f"{value:.{DIGITS}g}") for name, value in values]
    fields += [("unit", _text(quantity.unit))]
    fields += [("n", str(quantity.n) if isinstance(quantity.n, int) else _text(quantity.n))]
    fields += [("source", _text(quantity.source)), ("provenance", _text(quantity.provenance))]
    return [*fields, ("note", _text(quantity.note))] if quantity.note else fields


def _rule(rule: Rule, *, with_pattern: bool) -> str:
    named = {"kind": rule.kind, "provenance": rule.provenance, "reason": rule.reason}
    fields = {"pattern": rule.pattern, **named} if with_pattern else named
    return _table([(name, _text(value)) for name, value in fields.items()])


def _table(fields: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{name} = {value}" for name, value in fields) + "}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _text(text: str) -> str:
    """A basic string. JSON's escapes are TOML's, but for DEL, which TOML forbids, and half a surrogate pair."""
    whole = text.encode("utf-8", "replace").decode()
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comments(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        # What a file is called must not end the comment that names it.
        printable = "".join(char if char.isprintable() else "?" for char in line)
        yield f"# {printable}".rstrip()
