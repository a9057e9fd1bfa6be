"""What a paper claims and how we try to reproduce it, read from `papers/NAME/claims.toml` and `reproduce.toml`.

Every claim is either reproduced, or says why a simulation of time cannot produce it: a file that leaves one out, or
does both, is refused. The form of a claim is described at the top of papers/asyncfc/claims.toml. reproduce.toml:

title, reference        of the paper

[workloads.NAME]        what is run: `n` conversations of `bfcl = SPLIT` (evenly spaced) or `shape = FILE`
                        (workloads/shape_file.py)

[[reproduction]]        one per claim, or one per reading of it
claim                   its id
name                    which reading, if a claim has several
workload                a name from above
faster, than            {policy, messages}: whose speed-up over whom; of a claim about seconds, `faster` alone
tolerance               relative: 0.05 is agreement within 5 %
together                reproductions of one paper with the same word and the same scan share their inputs: the points
                        at which all of them agree are reported
given                   inputs that are one value (setting.py)
scan                    inputs that are not known: {decoder = [...], delay_s = [...]}; at most three, the last as rows
inputs                  in words: {known = [...], assumed = [...], scanned = [...]}

[closed_forms]          hold the simulator against AsyncLM's formulas, on so many random `instances`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from asyncfc_sim._resources import data_path
from asyncfc_sim.simulate.script import Messages

from .paper_claims import Claim, PaperError, PaperTable, parse_claims, read_table
from .setting import Axis, Input, check_input

_REPRODUCTION_KEYS: Final = (
    *("claim", "name", "workload", "faster", "than", "tolerance", "together", "given", "scan", "inputs"),
)


@dataclass(frozen=True, slots=True)
class Runner:
    """A policy, and how calls become messages under it."""

    policy: str
    messages: Messages


@dataclass(frozen=True, slots=True)
class Workload:
    """What is run: `n` conversations of a split of BFCL, or of a shape in a file."""

    name: str
    n: int
    bfcl: str | None = None
    shape: Path | None = None


@dataclass(frozen=True, slots=True)
class Reproduction:
    """One attempt at one claim."""

    claim: Claim
    name: str
    workload: Workload
    faster: Runner
    than: Runner | None
    tolerance: float
    together: str | None
    given: Mapping[str, Input]
    scan: tuple[Axis, ...]
    known: tuple[str, ...]
    assumed: tuple[str, ...]
    scanned: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """Its claims, and what we do about them. `closed_forms` is a number of instances."""

    name: str
    title: str
    reference: str
    folder: Path
    claims: tuple[Claim, ...]
    workloads: tuple[Workload, ...]
    reproductions: tuple[Reproduction, ...]
    closed_forms: int

    @property
    def not_reproducible(self) -> list[Claim]:
        return [claim for claim in self.claims if not claim.reproducible]


def paper_names() -> list[str]:
    """The papers that are there, sorted. Raises FileNotFoundError where there is no folder of them."""
    try:
        folder = data_path("papers")
    except FileNotFoundError:
        raise FileNotFoundError(
            "papers/ is not installed with the package: it is in the source of asyncfc-sim"
        ) from None
    return sorted(path.parent.name for path in folder.glob("*/reproduce.toml"))


def load_paper(name: str) -> Paper:
    """A paper by the name of its folder. Raises PaperError, or OSError for what is not there."""
    if name not in paper_names():
        raise PaperError(f"there is no paper {name!r}; there are: {', '.join(paper_names())}")
    return read_paper(data_path("papers", name))


def read_paper(folder: Path) -> Paper:
    """The paper in a folder. Raises OSError or PaperError."""
    claims = parse_claims(read_table(folder / "claims.toml"))
    top = read_table(folder / "reproduce.toml")
    top.only("title", "reference", "workloads", "reproduction", "closed_forms")
    top.needs("title", "reference", "reproduction")
    tables = top.table("workloads")
    workloads = {name: _workload(name, tables.table(name), folder) for name in tables.values}
    by_id = {claim.id: claim for claim in claims}
    reproductions = tuple(_reproduction(table, by_id, workloads) for table in top.tables("reproduction"))
    _check_covered(top, claims, reproductions)
    _check_together(top, reproductions)
    closed_forms = top.table("closed_forms")
    closed_forms.only("instances")
    return Paper(
        folder.name,
        top.text("title"),
        top.text("reference"),
        folder,
        claims,
        tuple(workloads.values()),
        reproductions,
        closed_forms.count("instances") or 0,
    )


def _workload(name: str, table: PaperTable, folder: Path) -> Workload:
    table.only("bfcl", "shape", "n")
    table.needs("n")
    if ("bfcl" in table.values) == ("shape" in table.values):
        raise table.error("", "expected bfcl or shape")
    shape = folder / table.text("shape") if "shape" in table.values else None
    n = table.count("n")
    assert n is not None
    return Workload(name, n, table.text("bfcl") if shape is None else None, shape)


def _reproduction(table: PaperTable, claims: Mapping[str, Claim], workloads: Mapping[str, Workload]) -> Reproduction:
    table.only(*_REPRODUCTION_KEYS)
    table.needs("claim", "workload", "faster", "tolerance", "inputs")
    claim = claims.get(table.text("claim"))
    if claim is None:
        raise table.error("claim", f"claims.toml has no claim {table.text('claim')!r}")
    if isinstance(claim.value, str) or claim.quantity not in ("speedup", "latency"):
        raise table.error("claim", f"{claim.id} is {claim.quantity} {claim.figure}: expected a speed-up or a latency")
    if (claim.quantity == "speedup") != ("than" in table.values):
        raise table.error("than", "is given for a speed-up, and left out for a latency")
    workload = workloads.get(table.text("workload"))
    if workload is None:
        raise table.error("workload", f"expected one of {', '.join(workloads)}")
    if not 0 < (tolerance := table.number("tolerance")) < 1:
        raise table.error("tolerance", "expected a number between 0 and 1, 0.05 for 5 %")
    given, scan = table.table("given"), table.table("scan")
    if len(scan.values) > 3:
        raise scan.error("", "at most three inputs are scanned at once")
    inputs_given = {key: _input(given, key, value) for key, value in given.values.items()}
    axes = tuple(_axis(scan, key) for key in scan.values)
    if "decoder" not in {*given.values, *scan.values}:
        raise given.error("decoder", "is missing; it is given or scanned")
    if not {"tools", "delay_s"} & {*given.values, *scan.values}:
        raise given.error("tools", "is missing; tools or delay_s are given or scanned")
    inputs = table.table("inputs")
    inputs.only("known", "assumed", "scanned")
    return Reproduction(
        claim,
        table.text("name") if "name" in table.values else "",
        workload,
        _runner(table.table("faster")),
        _runner(table.table("than")) if "than" in table.values else None,
        tolerance,
        table.text("together") if "together" in table.values else None,
        inputs_given,
        axes,
        *(inputs.texts(key) for key in ("known", "assumed", "scanned")),
    )


def _runner(table: PaperTable) -> Runner:
    table.only("policy", "messages")
    table.needs("policy", "messages")
    if (messages := table.text("messages")) not in get_args(Messages):
        raise table.error("messages", f"expected one of {', '.join(get_args(Messages))}")
    return Runner(table.text("policy"), messages)  # type: ignore[arg-type]


def _axis(table: PaperTable, key: str) -> Axis:
    values = table.values[key]
    if not isinstance(values, list) or not values:
        raise table.wrong(key, "an array of values")
    return Axis(key, tuple(_input(table, key, value) for value in values))


def _input(table: PaperTable, key: str, value: object) -> Input:
    try:
        return check_input(key, value)
    except ValueError as error:
        raise table.error(key, str(error)) from None


def _check_covered(top: PaperTable, claims: Sequence[Claim], reproductions: Sequence[Reproduction]) -> None:
    tried = {each.claim.id for each in reproductions}
    for claim in claims:
        if claim.reproducible and claim.id not in tried:
            raise top.error("reproduction", f"the claim {claim.id} is said to be reproducible, and nothing tries it")
        if not claim.reproducible and claim.id in tried:
            raise top.error("reproduction", f"the claim {claim.id} is tried, though claims.toml says that it cannot be")


def _check_together(top: PaperTable, reproductions: Sequence[Reproduction]) -> None:
    scans: dict[str, tuple[Axis, ...]] = {}
    for each in reproductions:
        if each.together is not None and scans.setdefault(each.together, each.scan) != each.scan:
            raise top.error("reproduction", f"those together as {each.together!r} must scan the same inputs")
