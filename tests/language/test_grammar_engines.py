"""One grammar, one language: lark, which the tests read with, and the engines that models decode under, agree on texts
that were generated from it and on mutants of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from asyncfc_sim._resources import data_path
from asyncfc_sim.core.arguments import needed
from asyncfc_sim.language.constrained import Held, tool_grammar
from tests.decoders import XGrammar, llguidance, random_texts, xgrammar
from tests.tool_grammars import MIXED, OFFICE, TOOL_SETS, TRIP, Schemas, accepts, calls_of, generated, mutants, parser

pytestmark = pytest.mark.slow

SETS: Mapping[str, tuple[Schemas, Held]] = {
    "office": (OFFICE, Held(max_calls=3)),
    "office, later": (OFFICE, Held(first=12, max_calls=1)),
    "office, no futures": (OFFICE, Held(futures=False, max_calls=2)),
    "trip": (TRIP, Held(max_calls=2, first=2, answer=False)),
    "trip, bounded": (TRIP, Held(max_calls=2, max_string=4)),
    "mixed": (MIXED, Held(max_calls=2, first=3)),
}
GENERATED, MUTANTS = 50, 250  # of each set: 1,800 texts


@pytest.fixture(scope="module")
def peer() -> Iterator[XGrammar]:
    with xgrammar() as running:
        yield running


def as_lark_reads(tools: Schemas, held: Held, count: int, mutant_count: int) -> dict[str, bool]:
    """Texts, and whether they fit."""
    lark = parser(tool_grammar(tools, held).text)
    produced = generated(lark, count)
    return {text: accepts(lark, text) for text in [*produced, *mutants(produced, mutant_count)]}


@cache
def read(name: str) -> dict[str, bool]:
    return as_lark_reads(*SETS[name], GENERATED, MUTANTS)


def decoded(tools: Schemas, held: Held) -> str:
    return tool_grammar(tools, replace(held, tokens=True)).text


@pytest.mark.parametrize("name", SETS)
def test_llguidance_reads_it_as_lark_does(name: str):
    texts = read(name)
    assert dict(zip(texts, llguidance(decoded(*SETS[name]), list(texts)), strict=True)) == texts
    assert sum(texts.values()) > GENERATED / 2
    assert sum(not fits for fits in texts.values()) > MUTANTS / 10


@pytest.mark.parametrize("name", SETS)
def test_xgrammar_does_too(name: str, peer: XGrammar):
    texts = read(name)
    assert dict(zip(texts, peer(decoded(*SETS[name]), list(texts)), strict=True)) == texts


FEW = settings(max_examples=10, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])


@FEW
@given(TOOL_SETS)
def test_so_llguidance_does_for_any_tools(tools: Schemas):
    _reads_as_lark_does(llguidance, tools)


@FEW
@given(TOOL_SETS)
def test_so_xgrammar_does_for_any_tools(peer: XGrammar, tools: Schemas):
    _reads_as_lark_does(peer, tools)


def _reads_as_lark_does(engine: Callable[[str, Sequence[str]], list[bool]], tools: Schemas) -> None:
    held = Held(max_calls=2, first=2)
    texts = as_lark_reads(tools, held, 4, 20)
    assert dict(zip(texts, engine(decoded(tools, held), list(texts)), strict=True)) == texts


def test_random_tokens_under_the_mask_are_calls_that_go_backward():
    """What a model without any training would write."""
    held = Held(answer=False, max_calls=3, max_string=6)
    lark = parser(tool_grammar(OFFICE, held).text)
    numbered = references = 0
    for text in random_texts(decoded(OFFICE, held), 25):
        assert accepts(lark, text)
        for call, _ in calls_of(text):
            protocol = call.tool in ("await_future", "cancel_future")
            named = {ref.future for ref in call.args["ids"]} if protocol else needed(call)
            assert all(0 < number < call.future for number in named)
            references += len(named)
            numbered += not protocol
    assert numbered >= 25
    assert references > 0


def test_the_terminals_keep_to_what_all_read_alike():
    """Behind an escape such as \\x1F, xgrammar takes a digit or a letter up to f as a part of it."""
    for name in ("hermes", "reference"):
        lines = data_path("grammar", f"{name}.lark").read_text(encoding="utf-8").splitlines()
        rules = "\n".join(line for line in lines if not line.startswith("//"))
        for escape in rules.split("\\x")[1:]:
            assert escape[2] not in "0123456789abcdefABCDEF"
