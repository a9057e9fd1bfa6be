"""`make proofs` accepts what is proved, and nothing else; where there is no Coq it says what to install."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROOFS = ROOT / "proofs"
SCRIPT = ROOT / "scripts" / "proofs.sh"

needs_coq = pytest.mark.skipif(
    shutil.which("coqc") is None, reason="there is no coqc (make proofs installs it, as root)"
)

SOUND = "Theorem two : 1 + 1 = 2.\nProof. reflexivity. Qed.\n"


def check(folder: Path, script: Path = SCRIPT, **options: object) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(script), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)  # type: ignore[call-overload,no-any-return]


def small(folder: Path, source: str, theorems: str = "T1 Small.two\n") -> Path:
    """A folder of proofs with one file."""
    folder.mkdir()
    (folder / "_CoqProject").write_text("-Q . AsyncFC\nSmall.v\n")
    (folder / "Small.v").write_text(source)
    (folder / "theorems.txt").write_text(theorems)
    return folder


def test_the_list_names_every_theorem() -> None:
    """And nothing else: what is called a theorem in these files is checked for what it rests on."""
    stated = {
        f"{path.stem}.{name}"
        for path in PROOFS.glob("*.v")
        for name in re.findall(r"^\s*Theorem (\w+)", path.read_text(), flags=re.MULTILINE)
    }
    listed = [line.split()[1] for line in (PROOFS / "theorems.txt").read_text().splitlines()]
    assert len(listed) == len(set(listed))
    assert stated == set(listed)


def test_what_sections_assume_is_what_the_readme_says() -> None:
    """Coq does not print it: it has become a premise of the theorems of that section."""
    assumed = {
        path.stem: names
        for path in PROOFS.glob("*.v")
        if (names := re.findall(r"^\s*Hypothes[ie]s (\w+)", path.read_text(), flags=re.MULTILINE))
    }
    assert assumed == {
        "Trace": ["refl", "trans", "cong", "diamond"],
        "Failure": ["refusal_is_error"],
        "Latency": ["G"],
        "LatencyBounds": ["R"],
    }


@pytest.mark.parametrize(
    "addition",
    [
        "Axiom easy : forall P : Prop, P.",
        "Parameter easy : forall P : Prop, P.",
        "Conjecture easy : forall P : Prop, P.",
        "Theorem easy : forall P : Prop, P.\nAdmitted.",
        "Theorem easy : forall P : Prop, P.\nProof. admit. Admitted.",
        "Unset Guard Checking.",
    ],
)
@pytest.mark.parametrize("name", ["Safety.v", "Negative.v"])
def test_an_assumption_in_a_copy_is_found(addition: str, name: str, tmp_path: Path) -> None:
    """Before anything is compiled: so it is found where there is no Coq, too."""
    folder = tmp_path / "proofs"
    shutil.copytree(PROOFS, folder)
    with (folder / name).open("a") as file:
        file.write(f"\n{addition}\n")
    result = check(folder)
    assert result.returncode == 1
    assert "not proved: these lines assume something" in result.stderr
    assert f"{name}:" in result.stdout
    assert addition.splitlines()[-1] in result.stdout


@needs_coq
def test_what_is_proved_is_accepted(tmp_path: Path) -> None:
    result = check(small(tmp_path / "proofs", SOUND))
    assert (result.returncode, result.stderr) == (0, "")
    assert "T1 two: Closed under the global context\n" in result.stdout
    assert [path.name for path in (tmp_path / "proofs").glob("*.v*")] == ["Small.v"], "built beside the sources"


@needs_coq
def test_lists_whose_last_line_has_no_end_are_read_to_the_end(tmp_path: Path) -> None:
    folder = small(tmp_path / "proofs", SOUND, "T1 Small.two\nT2 Small.three")
    (folder / "_CoqProject").write_text("Small.v")
    assert "not proved: a theorem of theorems.txt is missing" in check(folder).stderr
    (folder / "theorems.txt").write_text("T1 Small.two")
    assert check(folder).returncode == 0


@needs_coq
def test_two_at_once_in_folders_with_spaces_do_not_meet(tmp_path: Path) -> None:
    folder = small(tmp_path / "two at once", SOUND)
    runs = [subprocess.Popen(["bash", str(SCRIPT), str(folder)], stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [run.wait(timeout=300) for run in runs] == [0, 0]


@needs_coq
def test_an_assumption_that_no_word_gives_away_is_found(tmp_path: Path) -> None:
    """A variable outside of any section is assumed for good; Coq itself names it."""
    source = "Variable easy : forall P : Prop, P.\nTheorem two : 1 + 1 = 3.\nProof. apply easy. Qed.\n" + SOUND.replace(
        "two", "sound"
    )
    result = check(small(tmp_path / "proofs", source, "T1 Small.two\nT2 Small.sound\n"))
    assert result.returncode == 1
    assert re.search(r"^T1 two: Axioms: \S*easy : ", result.stdout, flags=re.MULTILINE)
    assert "T2 sound: Closed under the global context\n" in result.stdout
    assert "not proved: 1 of 2 theorems rest on something" in result.stderr


@needs_coq
@pytest.mark.parametrize(
    ("source", "theorems", "reason"),
    [
        (SOUND.replace("2.", "3."), "T1 Small.two\n", "not proved: Small.v"),
        (SOUND, "T1 Small.two\nT2 Small.three\n", "not proved: a theorem of theorems.txt is missing"),
        (SOUND, "Small.two\n", "not proved: theorems.txt has a line that is not 'LABEL FILE.THEOREM': Small.two"),
        (SOUND, "", "not proved: theorems.txt names no theorem"),
    ],
)
def test_what_is_wrong_or_missing_is_found(source: str, theorems: str, reason: str, tmp_path: Path) -> None:
    result = check(small(tmp_path / "proofs", source, theorems))
    assert result.returncode == 1
    assert reason in result.stderr


def test_a_file_outside_of_the_list_is_found(tmp_path: Path) -> None:
    folder = small(tmp_path / "proofs", SOUND)
    (folder / "Other.v").write_text(SOUND)
    result = check(folder)
    assert (result.returncode, result.stderr) == (1, "not proved: Other.v is not in _CoqProject\n")


def test_a_folder_without_proofs_is_a_fault_of_usage(tmp_path: Path) -> None:
    result = check(tmp_path)
    assert result.returncode == 2
    assert "expected: scripts/proofs.sh" in result.stderr


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may read, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize(
    ("installer", "reason"),
    [("", "no apt-get to install it with"), ("apt-get", "only root may install it")],
)
def test_without_coq_it_says_what_to_install(installer: str, reason: str, open_folder: Path) -> None:
    """Run by a user who is not root, with a PATH that has no coqc."""
    programs = open_folder / "bin"
    programs.mkdir()
    for program in filter(None, ("bash", "dirname", "grep", "id", "mkdir", "rm", installer)):
        found = shutil.which(program)
        if found is None:
            pytest.skip(f"there is no {program}")
        (programs / program).symlink_to(found)
    shutil.copy(SCRIPT, open_folder)
    small(open_folder / "proofs", SOUND)
    options = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    result = check(
        open_folder / "proofs",
        open_folder / SCRIPT.name,
        env={"PATH": str(programs)},
        cwd=open_folder,
        **options,
    )
    assert result.returncode == 3
    assert f"there is no coqc, and {reason}\n" in result.stderr
    assert "install Coq 8.16 or newer: apt-get install --no-install-recommends coq" in result.stderr
