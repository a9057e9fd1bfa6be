"""What the package declares agrees with what it ships, and names no machine."""

import importlib.metadata
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from asyncfc_sim._resources import data_path

ROOT = Path(__file__).resolve().parents[1]


def load(path: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / path).read_text(encoding="utf-8"))


PYPROJECT = load("pyproject.toml")
PROJECT = PYPROJECT["project"]
CLAIMS = load("papers/asyncfc/claims.toml")
PIN_LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def declared() -> list[Requirement]:
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in PROJECT["dependencies"] + extras + PYPROJECT["dependency-groups"]["dev"]]


def pins() -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in PIN_LINES)}


@pytest.mark.parametrize("line", PIN_LINES)
def test_a_pin_is_a_name_and_a_version(line: str):
    assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", line)


def test_pins_cover_all_dependencies_and_what_they_bring():
    waiting, seen = declared(), set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, *requirement.extras) in seen:
            continue
        seen.add((name, *requirement.extras))
        assert name in pins(), f"{name} has no pin"
        assert requirement.specifier.contains(pins()[name]), f"{requirement} excludes its pin"
        brought = [Requirement(line) for line in importlib.metadata.requires(name) or []]
        extras = [{"extra": extra} for extra in ("", *requirement.extras)]
        waiting += [each for each in brought if each.marker is None or any(map(each.marker.evaluate, extras))]
    # pip and bfcl-eval are installed by scripts/set_up.sh; of the latter, nothing that it would bring. The others are
    # what scripts/mcp_peer.sh installs, in an environment of its own.
    apart = {"pip", "bfcl-eval", "mcp-server-git", "gitpython", "gitdb", "smmap"}
    assert set(pins()) - {name for name, *_ in seen} <= apart


def test_dependencies_are_lower_bounds_only():
    """But for the SDK of a service, which changes what it is made of with each major version."""
    bounds = {item.name: sorted(bound.operator for bound in item.specifier) for item in declared()}
    assert bounds.pop("openai") == ["<", ">="]
    assert all(operators == [">="] for operators in bounds.values())


def test_every_folder_of_models_ships():
    shipped = set(PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"])
    with_tables = {f"models/{path.parent.name}" for path in (ROOT / "models").glob("*/*.toml")}
    assert with_tables
    assert with_tables | {"grammar", "papers", "tests/litmus"} == shipped


def test_the_wheel_leaves_the_weights_out():
    """The trained model is in the repository and the sdist; `asyncfc serve` says so where it is not."""
    shipped = set(PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"])
    assert not {"models", "models/tiny-futures"} & shipped
    assert "/models" in PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]


def test_the_sdist_lists_what_exists():
    listed = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert [path for path in listed if not (ROOT / path.lstrip("/")).exists()] == []


def test_the_checkout_serves_its_own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert not (ROOT / "asyncfc_sim/_data").exists(), "it would be served instead of the live grammar/ and models/"
    monkeypatch.delenv("ASYNCFC_DATA_DIR", raising=False)
    assert data_path("grammar", "program.lark") == ROOT / "grammar/program.lark"
    assert data_path("litmus", "ww.lit") == ROOT / "tests/litmus/ww.lit"
    with pytest.raises(FileNotFoundError, match="no grammar/no-such-file under"):
        data_path("grammar", "no-such-file")

    own = tmp_path / "models" / "decoders"
    own.mkdir(parents=True)
    monkeypatch.setenv("ASYNCFC_DATA_DIR", str(tmp_path))
    assert data_path("models", "decoders") == own
    assert data_path("grammar") == ROOT / "grammar"  # what the user's folder lacks still comes from ours


# Homes and mounts of a developer's machine; a package index other than the reader's own.
MACHINE_PATH = re.compile(r"(?<![\w.*:/-])/(?:work|root|Users|home/\w+|opt/\w+)/\w")
INDEX = re.compile(
    r"(?<![\w-])--?(?:extra-)?index-url|--find-links|--trusted-host|https?://[^\s/]*(?:pypi|pythonhosted|mirror)"
)


def text_files() -> Iterator[Path]:
    """Yield what is ours; git is not asked, so that an unpacked sdist can be tested too."""
    generated = {"__pycache__", "build", "dist", "htmlcov"}
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name == ".ci" or not (name.startswith(".") or name in generated)]
        for path in (Path(folder, name) for name in names):
            if b"\0" not in path.read_bytes():
                yield path


def test_no_file_names_a_machine_or_an_index():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in text_files()
        if path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if MACHINE_PATH.search(line) or INDEX.search(line)
    ]
    assert found == []


def test_the_search_for_machine_names_can_fail():
    assert MACHINE_PATH.search('open("/home/someone/x.txt")')
    assert MACHINE_PATH.search("cd /root/project")
    assert INDEX.search("--extra-index-url https://example.org/simple")
    assert INDEX.search("pip install --index-url=https://example.org/simple x")
    assert not INDEX.search('uv pip compile --no-emit-index-url; names = ("extra-index-url",)')
    assert not MACHINE_PATH.search("file:/work/report and https://example.org/home/page/x")


CLAIM_FIELDS: dict[str, type | tuple[type, ...]] = {
    "id": str, "paper": str, "benchmark": str, "setting": str, "quantity": str, "value": (float, str), "unit": str,
    "where": str, "evidence": str, "second_hand": bool, "derived_from": list, "conflicts": list, "remark": str,
    "kind": str, "reproducible_by_simulation": bool, "reason": str,
}  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS["claim"], ids=lambda claim: claim["id"])
def test_a_claim_says_what_it_is_and_how_we_know(claim: dict[str, Any]):
    assert claim.keys() == CLAIM_FIELDS.keys()
    assert all(isinstance(claim[field], kind) for field, kind in CLAIM_FIELDS.items())
    assert all(claim[field] for field, kind in CLAIM_FIELDS.items() if kind is str and field != "remark")
    assert isinstance(claim["value"], str) == (claim["unit"] == "word")
    assert claim["kind"] == ("latency" if claim["quantity"] == "speedup" else "accuracy")
    # A simulation of time cannot say what a model would have answered.
    assert claim["reproducible_by_simulation"] == (claim["kind"] == "latency")
    assert all(conflict.keys() == {"value", "remark"} for conflict in claim["conflicts"])


def test_derived_claims_follow_from_theirs():
    values = {claim["id"]: claim["value"] for claim in CLAIMS["claim"]}
    assert len(values) == len(CLAIMS["claim"])
    derived = [claim for claim in CLAIMS["claim"] if claim["derived_from"]]
    assert len(derived) == 3
    for claim in derived:
        first, second = (values[name] for name in claim["derived_from"])
        expected = first / second if claim["quantity"] == "speedup" else second - first
        assert claim["value"] == pytest.approx(expected, abs=0.005)


def test_accuracy_stands_beside_every_speedup_that_has_one():
    kinds: dict[str, set[str]] = {}
    for claim in CLAIMS["claim"]:
        kinds.setdefault(claim["id"].split(".")[0], set()).add(claim["kind"])
    both = {"latency", "accuracy"}
    assert kinds == {
        "bfcl_v3": both,
        "bfcl_v4_web_search": both,
        "hotpotqa": both,
        "swe_bench_lite": both,
        "cross_model": {"latency"},
        "asynctool": {"accuracy"},
    }
