"""How labels go wrong: nothing at rate 0, everything at rate 1, and at a higher rate the same tools and more."""

from itertools import chain, combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.footprint import indep, template_arguments
from asyncfc_sim.core.tool import Tool

pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (pip install --no-deps bfcl-eval)")

from asyncfc_sim.studies.labels import FAULTS, NONE, TRUE, Fault, Labelling
from asyncfc_sim.workloads.bfcl_classes import CLASSES, methods
from asyncfc_sim.workloads.bfcl_effects import tools

ALL = {f"{owner}.{name}": tool for owner in CLASSES for name, tool in tools(owner).items()}

faults = st.sampled_from(FAULTS)
rates = st.floats(0, 1)
seeds = st.integers(0, 2**32)


def labelled(labelling: Labelling) -> dict[str, Tool]:
    return {kind: labelling.label(kind, tool) for kind, tool in ALL.items()}


def hit(labelling: Labelling) -> set[str]:
    return {kind for kind, tool in labelled(labelling).items() if tool != ALL[kind]}


def arguments(owner: str, name: str) -> tuple[str, ...]:
    return tuple(methods(owner)[name].signature.parameters)


def patterns(tool: Tool) -> tuple[set[str], set[str]]:
    assert tool.effects is not None
    assert isinstance(tool.effects.reads, tuple)
    assert isinstance(tool.effects.writes, tuple)
    return set(tool.effects.reads), set(tool.effects.writes)


@given(faults, seeds)
def test_rate_zero_changes_nothing(fault: Fault, seed: int) -> None:
    assert labelled(Labelling(fault, 0.0, seed)) == ALL == labelled(TRUE)


@given(faults, rates, rates, seeds, st.integers(0, 9))
def test_the_tools_hit_at_a_rate_are_among_those_hit_at_a_higher_one(
    fault: Fault, one: float, other: float, seed: int, replication: int
) -> None:
    low, high = (labelled(Labelling(fault, rate, seed, replication)) for rate in sorted((one, other)))
    for kind, tool in ALL.items():
        assert low[kind] in (tool, high[kind])  # and hit in the same way


@given(rates, seeds)
def test_every_fault_hits_the_same_tools_where_it_can_be_made(rate: float, seed: int) -> None:
    missing = hit(Labelling("missing", rate, seed))  # can be made in each tool
    for fault in FAULTS:
        assert hit(Labelling(fault, rate, seed)) <= missing


def test_about_as_many_tools_are_hit_as_the_rate_says_and_draws_differ() -> None:
    drawn = [hit(Labelling("missing", 0.3, replication=number)) for number in range(20)]
    assert len(set(map(frozenset, drawn))) == 20
    assert sum(map(len, drawn)) / (20 * len(ALL)) == pytest.approx(0.3, abs=0.05)


def test_without_labels_every_tool_touches_everything() -> None:
    assert {str(tool.footprint({})) for tool in labelled(NONE).values()} == {"reads nothing; writes *"}


@given(faults, seeds)
def test_what_each_fault_does_to_a_tool(fault: Fault, seed: int) -> None:
    for kind, tool in labelled(Labelling(fault, 1.0, seed)).items():
        reads, writes = patterns(ALL[kind])
        if fault == "missing":
            assert tool.effects is None
            continue
        new_reads, new_writes = patterns(tool)
        match fault:
            case "as_pure":
                assert not new_reads | new_writes
            case "write_as_read":
                assert (new_reads, new_writes) == (reads | writes, set())
            case "dropped_key":
                assert new_reads <= reads
                assert new_writes <= writes
                assert len(reads - new_reads) + len(writes - new_writes) == min(1, len(reads | writes))
            case "wrong_key":
                assert len(new_reads) == len(reads)
                assert len(new_writes) == len(writes)
                assert len(reads - new_reads) + len(writes - new_writes) <= 1


@given(seeds)
def test_a_wrong_key_is_one_that_a_developer_may_have_written(seed: int) -> None:
    """It names arguments that the tool has, so that no call is refused; and it is no key of the tool's own."""
    some = False
    for kind, tool in labelled(Labelling("wrong_key", 1.0, seed)).items():
        owner, name = kind.split(".")
        new = set(chain(*patterns(tool))) - set(chain(*patterns(ALL[kind])))
        for pattern in new:
            assert set(template_arguments(pattern)) <= set(arguments(owner, name))
            some = True
    assert some


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(["write_as_read", "dropped_key", "as_pure"]), seeds)
def test_forgetting_never_adds_a_conflict_and_sometimes_loses_one(fault: Fault, seed: int) -> None:
    lost = 0
    for owner in CLASSES:
        true = {name: tool.footprint(dict.fromkeys(arguments(owner, name), "x")) for name, tool in tools(owner).items()}
        new = {
            name: Labelling(fault, 1.0, seed)
            .label(f"{owner}.{name}", tool)
            .footprint(dict.fromkeys(arguments(owner, name), "x"))
            for name, tool in tools(owner).items()
        }
        for one, other in combinations(true, 2):
            was, now = (not indep(each[one], each[other]) for each in (true, new))
            assert was or not now
            lost += was and not now
    assert lost > 0
