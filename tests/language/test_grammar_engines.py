"""One grammar, one language: lark, which the tests read with, and the engines that models decode under, agree on texts
that were generated from it and on mutants of these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from asyncfc_sim._resources import data_path
from asyncfc_sim.language.constrained import Held, tool_grammar
from tests.decoders import XGrammar, llguidance, xgrammar
from tests.tool_grammars import MIXED, OFFICE, TOOL_SETS, TRIP, Schemas, accepts, generated, mutants, parser

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


def disagreements(tools: Schemas, held: Held, peer: XGrammar | None, count: int, mutant_count: int) -> dict[str, int]:
    """How many texts were accepted and refused, after all have agreed on each."""
    lark = parser(tool_grammar(tools, held).text)
    decoded = tool_grammar(tools, replace(held, tokens=True)).text
    produced = generated(lark, count)
    texts = list(dict.fromkeys([*produced, *mutants(produced, mutant_count)]))
    ours = [accepts(lark, text) for text in texts]
    others = {"llguidance": llguidance(decoded, texts)}
    if peer is not None:
        others["xgrammar"] = peer(decoded, texts)
    for name, theirs in others.items():
        assert [(name, text, own) for text, own, other in zip(texts, ours, theirs, strict=True) if own != other] == []
    return {"accepted": sum(ours), "refused": len(ours) - sum(ours)}


@pytest.mark.parametrize("name", SETS)
def test_llguidance_reads_it_as_lark_does(name: str):
    counts = disagreements(*SETS[name], None, GENERATED, MUTANTS)
    assert counts["accepted"] > GENERATED / 2
    assert counts["refused"] > MUTANTS / 10


@pytest.mark.parametrize("name", SETS)
def test_xgrammar_does_too(name: str, peer: XGrammar):
    counts = disagreements(*SETS[name], peer, GENERATED, MUTANTS)
    assert counts["refused"] > MUTANTS / 10


@settings(max_examples=10, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
@given(TOOL_SETS)
def test_so_it_is_for_any_tools(peer: XGrammar, tools: Schemas):
    disagreements(tools, Held(max_calls=2, first=2), peer, 4, 20)


def test_the_terminals_keep_to_what_all_read_alike():
    """Behind an escape such as \\x1F, xgrammar takes a digit or a letter up to f as a part of it."""
    for name in ("hermes", "reference"):
        lines = data_path("grammar", f"{name}.lark").read_text(encoding="utf-8").splitlines()
        rules = "\n".join(line for line in lines if not line.startswith("//"))
        for escape in rules.split("\\x")[1:]:
            assert escape[2] not in "0123456789abcdefABCDEF"
