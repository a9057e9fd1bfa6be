"""Write the two tables of SEMANTICS.md: each rule of the scheduler with its code, proof and tests, and each theorem.

    python scripts/semantics_table.py [--check]

What rules there are is read off the scheduler: the events that it handles, the tags in its docstrings, the gates of its
theory of operation, the failure modes. A rule's own function, that of the machine in asyncfc_sim/verify/machine, and
the rule of proofs/*.v have its name. What cannot be found by name (which test shows what) is in semantics.toml; every
name in there is looked up, and a missing one is an error, as is a rule without a row.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from asyncfc_sim.core import events, scheduler
from asyncfc_sim.verify.mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "SEMANTICS.md"
BLOCK = re.compile(r"(<!-- (rules|theorems) begin -->\n).*?(<!-- \2 end -->)", re.S)
MACHINE = "verify.machine"
MACHINE_FILES = ("decoder", "calls", "conditions", "in_order")


class BadTable(Exception):
    """What the table says is not so: which row, and what is missing."""


@dataclass(frozen=True)
class Rule:
    """A row of semantics.toml. `code`, `machine` and `proof` name what stands there besides the rule's own name."""

    name: str
    says: str
    code: tuple[str, ...] = ()
    machine: tuple[str, ...] = ()
    proof: tuple[str, ...] = ()
    open: str = ""
    tests: tuple[str, ...] = ()
    litmus: tuple[str, ...] = ()
    mutants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Theorem:
    """A label of proofs/theorems.txt in words, and the tests that hold it against the code."""

    label: str
    says: str
    tests: tuple[str, ...] = ()
    open: str = ""


# ------------------------------------------------------------------------------------------------- what there is


def rules_of_the_code() -> set[str]:
    """Every rule that the scheduler has, by name."""
    source = Path(scheduler.__file__).read_text(encoding="utf-8")
    tagged = {tag for module in (scheduler, events) for tag in re.findall(r'"""\[(\w+)[ \]]', _source(module))}
    theory = source[source.index("always in this order") : source.index("All gates but the last")]
    gates = set(re.findall(r"^#   (\w+)  ", theory, re.M))
    return set(scheduler._RULES.values()) | tagged | gates | set(get_args(scheduler.Failure))


def _source(module: ModuleType) -> str:
    assert module.__file__ is not None
    return Path(module.__file__).read_text(encoding="utf-8")


@cache
def names_of_the_proofs() -> frozenset[str]:
    """`File.name` of everything that the proofs define: theorems, definitions, the rules of inductive relations."""
    found = set()
    for path in sorted((ROOT / "proofs").glob("*.v")):
        text = re.sub(r"\(\*.*?\*\)", "", path.read_text(encoding="utf-8"), flags=re.S)
        names = re.findall(r"^\s*(?:Theorem|Lemma|Corollary|Definition|Fixpoint|Inductive|Record)\s+(\w+)", text, re.M)
        for body in re.findall(r"^\s*Inductive\b.*?:=(.*?)\.\s*$", text, re.M | re.S):
            names += re.findall(r"(?:^|\|)\s*(\w+)", body)
        names += re.findall(r"^\s*(\w+)\s*:\s", text, re.M)  # fields
        found |= {f"{path.stem}.{name}" for name in names}
    return frozenset(found)


def theorems_of_the_proofs() -> dict[str, list[str]]:
    """Label -> theorems, as `make proofs` checks them."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "proofs" / "theorems.txt").read_text(encoding="utf-8").splitlines():
        label, theorem = line.split()
        found.setdefault(label, []).append(theorem)
    return found


@cache
def has_code(package: str, name: str) -> bool:
    """Whether `scheduler.issue` names something of that module: a function, a class, or a method of one."""
    file, _, attribute = name.partition(".")
    try:
        module = importlib.import_module(f"asyncfc_sim.{package}.{file}")
    except ModuleNotFoundError:
        return False
    own = [each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__]
    return any(getattr(each, "__name__", "") == attribute or attribute in getattr(each, "__dict__", {}) for each in own)


def has_test(name: str) -> bool:
    """Whether `core/test_scheduler.py::test_x` is there."""
    file, _, function = name.partition("::")
    return function in _functions(ROOT / "tests" / file)


@cache
def _functions(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def has_litmus(name: str) -> bool:
    return (ROOT / "tests" / "litmus" / f"{name.lower().replace('-', '_')}.lit").is_file()


# ------------------------------------------------------------------------------------------------- what is said of it


def load(path: Path = ROOT / "scripts" / "semantics.toml") -> tuple[list[Rule], list[Theorem]]:
    """The rows, as they stand there."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return [Rule(**_frozen(row)) for row in data["rule"]], [Theorem(**_frozen(row)) for row in data["theorem"]]


def _frozen(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


def completed(rule: Rule) -> Rule:
    """The row with what has the rule's own name in front."""
    code = [f"scheduler.{rule.name}"] if rule.name in vars(scheduler.Scheduler) else []
    machine = [f"{file}.{rule.name}" for file in MACHINE_FILES if has_code(MACHINE, f"{file}.{rule.name}")]
    proof = sorted(name for name in names_of_the_proofs() if name in {f"Machine.{rule.name}", f"GivenUp.{rule.name}"})
    return Rule(
        rule.name,
        rule.says,
        _joined(code, rule.code),
        _joined(machine, rule.machine),
        _joined(proof, rule.proof),
        rule.open,
        rule.tests,
        rule.litmus,
        rule.mutants,
    )


def _joined(own: list[str], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*own, *more)))


def faults_of(rules: list[Rule], theorems: list[Theorem]) -> Iterator[str]:
    """Everything in which the rows differ from what there is."""
    named = [rule.name for rule in rules]
    yield from (f"{name}: the scheduler has this rule, and no row" for name in sorted(rules_of_the_code() - set(named)))
    yield from (f"{name}: two rows" for name in sorted({name for name in named if named.count(name) > 1}))
    for rule in map(completed, rules):
        yield from _missing(rule)
        if not rule.code:
            yield f"{rule.name}: no code"
        if not rule.proof and not rule.open:
            yield f"{rule.name}: neither a proof nor `open`, the reason why there is none"
        if not rule.tests and not rule.litmus:
            yield f"{rule.name}: no test"
    labels = theorems_of_the_proofs()
    said = [theorem.label for theorem in theorems]
    yield from (
        f"{label}: `make proofs` checks it, and no row says what it means" for label in labels if label not in said
    )
    yield from (f"{label}: two rows" for label in sorted({label for label in said if said.count(label) > 1}))
    for theorem in theorems:
        if theorem.label not in labels and not theorem.open:
            yield f"{theorem.label}: not in proofs/theorems.txt, and not `open`"
        yield from (f"{theorem.label}: there is no test {name}" for name in theorem.tests if not has_test(name))
    noticed = {mutant for rule in rules for mutant in rule.mutants}
    yield from (f"no rule is said to be what the mutant {name!r} breaks" for name in MUTANTS if name not in noticed)


def _missing(rule: Rule) -> Iterator[str]:
    yield from (f"{rule.name}: there is no core {name}" for name in rule.code if not has_code("core", name))
    yield from (f"{rule.name}: there is no {MACHINE} {name}" for name in rule.machine if not has_code(MACHINE, name))
    yield from (f"{rule.name}: there is no proof {name}" for name in rule.proof if name not in names_of_the_proofs())
    yield from (f"{rule.name}: there is no test {name}" for name in rule.tests if not has_test(name))
    yield from (f"{rule.name}: there is no litmus test {name}" for name in rule.litmus if not has_litmus(name))
    yield from (f"{rule.name}: there is no mutant {name!r}" for name in rule.mutants if name not in MUTANTS)


# ------------------------------------------------------------------------------------------------------- the tables


def rules_table(rules: list[Rule]) -> str:
    lines = ["| rule | code | machine | proof | tests |", "|---|---|---|---|---|"]
    for rule in rules:
        proof = (
            _code(rule.proof) + ("; " if rule.proof and rule.open else "") + (f"open: {rule.open}" if rule.open else "")
        )
        tests = [
            _links(rule.tests),
            " ".join(rule.litmus),
            f"breaks: {', '.join(rule.mutants)}" if rule.mutants else "",
        ]
        cells = [f"**{rule.name}** {rule.says}", _code(rule.code), _code(rule.machine), proof, _lines(tests)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def theorems_table(theorems: list[Theorem]) -> str:
    labels = theorems_of_the_proofs()
    lines = ["| | in words | theorem | tests of the code |", "|---|---|---|---|"]
    for theorem in theorems:
        proof = _code(tuple(labels.get(theorem.label, ())))
        proof += f"{'; ' if proof else ''}open: {theorem.open}" if theorem.open else ""
        lines.append(f"| {theorem.label} | {theorem.says} | {proof} | {_links(theorem.tests)} |")
    return "\n".join(lines) + "\n"


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _links(tests: tuple[str, ...]) -> str:
    pairs = (name.split("::") for name in tests)
    return ", ".join(f"[{function.removeprefix('test_').replace('_', ' ')}](tests/{file})" for file, function in pairs)


def _lines(parts: list[str]) -> str:
    return "; ".join(part for part in parts if part)


def rendered(page: str) -> str:
    """The page with its tables as they are now. Raises BadTable."""
    rules, theorems = load()
    faults = list(faults_of(rules, theorems))
    if faults:
        raise BadTable("\n".join(f"semantics.toml: {fault}" for fault in faults))
    tables = {"rules": rules_table([completed(rule) for rule in rules]), "theorems": theorems_table(theorems)}
    if {match.group(2) for match in BLOCK.finditer(page)} != tables.keys():
        raise BadTable(f"{PAGE.name}: expected `<!-- rules begin -->`, `<!-- theorems begin -->` and their ends")
    return BLOCK.sub(lambda match: match.group(1) + tables[match.group(2)] + match.group(3), page)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    options = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    try:
        now = rendered(page)
    except BadTable as fault:
        print(fault, file=sys.stderr)
        return 1
    if options.check and now != page:
        print(f"{PAGE.name} is not up to date: run scripts/semantics_table.py", file=sys.stderr)
        return 1
    if not options.check:
        PAGE.write_text(now, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
