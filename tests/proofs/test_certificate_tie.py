"""The functions in the proofs named like those of core/certificate.py give the same verdicts, computed by Coq."""

import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from asyncfc_sim.core.certificate import Access, Certified, Ran, certify, certify_intervals
from asyncfc_sim.core.footprint import Footprint, Pattern

PROOFS = Path(__file__).parents[2] / "proofs"
# CertificateCheck.v and what it is built on, in the order of _CoqProject.
NEEDED = ("Machine", "Independence", "Invariant", "Safety", "Certificate", "CertificateCheck")

pytestmark = pytest.mark.skipif(
    shutil.which("coqc") is None, reason="there is no coqc (make proofs installs it, as root)"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proofs")
    for name in NEEDED:
        coqc(folder, "-o", f"{name}.vo", str(PROOFS / f"{name}.v"))
    return folder


def coqc(folder: Path, *arguments: str) -> str:
    command = ["coqc", "-q", "-noglob", "-Q", ".", "AsyncFC", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def verdicts(folder: Path, function: str, terms: Sequence[str]) -> list[bool]:
    """What Coq computes for each of these arguments of `function`."""
    question = folder / "Question.v"
    question.write_text(
        "From Coq Require Import String List.\nFrom AsyncFC Require Import Certificate CertificateCheck.\n"
        "Import ListNotations.\nOpen Scope string_scope.\n"
        f"Eval vm_compute in map {function} {listed(terms)}.\n"
    )
    answer, _, _ = coqc(folder, question.name).partition(": list bool")
    return [word == "true" for word in re.findall(r"\b(?:true|false)\b", answer)]


def listed(terms: Sequence[str]) -> str:
    return f"[{'; '.join(terms)}]"


def pattern_term(pattern: Pattern) -> str:
    segments = listed([f'"{segment}"' for segment in pattern.key])
    return f"(Pattern {segments} {str(pattern.below).lower()})"


def line_term(access: Access) -> str:
    return f"Line {access.future} {access.mode.upper()} {pattern_term(access.pattern)}"


def ran_term(call: Ran) -> str:
    reads, writes = (listed([*map(pattern_term, side)]) for side in (call.footprint.reads, call.footprint.writes))
    return f"Ran {call.future} {reads} {writes} {call.start} {'None' if call.end is None else f'(Some {call.end})'}"


def some_pattern(rng: random.Random) -> Pattern:
    key = tuple(rng.choices("ab", k=rng.randrange(4)))
    return Pattern(key, below=not key or rng.random() < 0.3)


def some_log(rng: random.Random) -> list[Access]:
    log = [Access(rng.randrange(5), rng.choice(("r", "r", "w")), some_pattern(rng)) for _ in range(rng.randrange(10))]
    return sorted(log, key=lambda access: access.future) if rng.random() < 0.2 else log


def some_calls(rng: random.Random) -> list[Ran]:
    calls = []
    for _ in range(rng.randrange(5)):
        reads, writes = (tuple(some_pattern(rng) for _ in range(rng.randrange(2))) for _ in "rw")
        start = rng.randrange(20)
        end = None if rng.random() < 0.1 else start + rng.randrange(5)
        calls.append(Ran(rng.randrange(5), Footprint(reads, writes), start, end))
    return calls


def test_certify_is_that_of_the_proofs(built: Path) -> None:
    rng = random.Random(1)
    logs = [some_log(rng) for _ in range(500)]
    ours = [isinstance(certify(log), Certified) for log in logs]
    assert min(ours.count(True), ours.count(False)) > 100
    assert verdicts(built, "certify", [listed([*map(line_term, log)]) for log in logs]) == ours


def test_certify_intervals_is_that_of_the_proofs(built: Path) -> None:
    rng = random.Random(2)
    runs = [some_calls(rng) for _ in range(500)]
    ours = [isinstance(certify_intervals(calls), Certified) for calls in runs]
    assert min(ours.count(True), ours.count(False)) > 50
    assert verdicts(built, "certify_intervals", [listed([*map(ran_term, calls)]) for calls in runs]) == ours
