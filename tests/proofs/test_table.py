"""The tables of SEMANTICS.md: every rule has a row, every name in them exists, and they are up to date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from asyncfc_sim.core import scheduler
from asyncfc_sim.verify.mutants import MUTANTS
from scripts import semantics_table as table

RULES, THEOREMS = table.load()


def faults(rules: list[table.Rule] = RULES, theorems: list[table.Theorem] = THEOREMS) -> list[str]:
    return list(table.faults_of(rules, theorems))


def test_the_page_is_up_to_date() -> None:
    page = table.PAGE.read_text(encoding="utf-8")
    assert table.rendered(page) == page, "run scripts/semantics_table.py"


def test_every_rule_of_the_scheduler_has_a_row_and_every_name_exists() -> None:
    assert faults() == []
    assert len(RULES) >= len(table.rules_of_the_code()) > 15


def test_the_rules_are_those_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that the scheduler handles is a rule, and then there must be a row."""
    monkeypatch.setattr(scheduler, "_RULES", {**scheduler._RULES, object: "teleport"})
    assert faults() == ["teleport: the scheduler has this rule, and no row"]


@pytest.mark.parametrize("name", sorted(table.rules_of_the_code()))
def test_no_row_may_be_missing(name: str) -> None:
    left = [rule for rule in RULES if rule.name != name]
    assert f"{name}: the scheduler has this rule, and no row" in faults(left)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda rule: replace(rule, code=("scheduler.no_such",)), "there is no core scheduler.no_such"),
        (lambda rule: replace(rule, code=("no_such.file",)), "there is no core no_such.file"),
        (lambda rule: replace(rule, machine=("calls.no_such",)), "there is no verify.machine calls.no_such"),
        (lambda rule: replace(rule, proof=("Machine.no_such",)), "there is no proof Machine.no_such"),
        (
            lambda rule: replace(rule, tests=("core/test_scheduler.py::test_no",)),
            "there is no test core/test_scheduler",
        ),
        (lambda rule: replace(rule, tests=("core/test_no.py::test_no",)), "there is no test core/test_no.py"),
        (lambda rule: replace(rule, litmus=("NO-SUCH",)), "there is no litmus test NO-SUCH"),
        (lambda rule: replace(rule, mutants=("no such",)), "there is no mutant 'no such'"),
        (lambda rule: replace(rule, tests=(), litmus=()), "no test"),
        (lambda rule: replace(rule, name="teleport", code=()), "no code"),
        (lambda rule: replace(rule, name="teleport", proof=(), open=""), "neither a proof nor"),
    ],
)
def test_a_row_that_is_not_so_is_found(change: Callable[[table.Rule], table.Rule], fault: str) -> None:
    assert any(fault in found for found in faults([change(RULES[0]), *RULES[1:]]))


def test_every_theorem_that_is_checked_is_said_in_words_and_is_there() -> None:
    labels = table.theorems_of_the_proofs()
    names = {name for theorems in labels.values() for name in theorems}
    assert names <= table.names_of_the_proofs()
    for label in labels:
        left = [theorem for theorem in THEOREMS if theorem.label != label]
        assert any(found.startswith(f"{label}: `make proofs` checks it") for found in faults(theorems=left))
    made_up = table.Theorem("T99", "all is well")
    assert "T99: not in proofs/theorems.txt, and not `open`" in faults(theorems=[*THEOREMS, made_up])


def test_no_row_stands_there_twice() -> None:
    assert faults([*RULES, RULES[0]], [*THEOREMS, THEOREMS[0]]) == ["issue: two rows", "T0: two rows"]


def test_every_mutant_breaks_some_rule() -> None:
    left = [replace(rule, mutants=()) for rule in RULES]
    assert sum("mutant" in found for found in faults(left)) == len(MUTANTS)


def test_words_of_the_proofs_in_comments_are_no_names() -> None:
    assert "Machine.issue" in table.names_of_the_proofs()
    assert "Machine.Nothing" not in table.names_of_the_proofs()


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(table.BadTable, match="rules begin"):
        table.rendered("# Semantics\n")
