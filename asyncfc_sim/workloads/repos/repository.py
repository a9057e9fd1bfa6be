"""A repository with a bug: what somebody asks for, its files, and the steps in which an expert mends it.

Each is a TOML file in `tasks/`:

prompt = "..."                  # what the user says
answer = "..."                  # what the expert says in the end

[files]                         # path -> text
"slugs.py" = '''...'''

[[steps]]                       # in the order in which an expert thinks of them
name = "fix"
tool = "edit"                   # one of tools.py
args = { path = "slugs.py", old = "...", new = "..." }
sees = ["slugs"]                # steps whose results must have been read before this one can be written
follows = ["..."]               # steps that must have had their effect before this one runs
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Step:
    """A call of an expert. `sees` and `follows` name earlier steps: what it must have read, and what must be done."""

    name: str
    tool: str
    args: Mapping[str, str] = field(default_factory=dict)
    sees: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repository:
    """`files` maps paths (with `/`) to texts."""

    name: str
    prompt: str
    answer: str
    files: Mapping[str, str]
    steps: tuple[Step, ...]

    @property
    def mended(self) -> dict[str, str]:
        """The files once every edit of the expert's is made, one after the other."""
        mended = dict(self.files)
        for step in self.steps:
            if step.tool == "edit":
                path = step.args["path"]
                mended[path] = mended[path].replace(step.args["old"], step.args["new"])
        return mended

    @property
    def edited(self) -> frozenset[str]:
        """The paths that the expert edits."""
        return frozenset(step.args["path"] for step in self.steps if step.tool == "edit")


def write_files(files: Mapping[str, str], folder: Path) -> None:
    """Put `files` into a folder. Raises OSError."""
    for path, text in files.items():
        target = folder.joinpath(*path.split("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())


def read_files(folder: Path) -> dict[str, str]:
    """All files of a folder, by their paths in it, sorted."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes().decode("utf-8", "replace") for path in sorted(found)}


@cache
def repositories() -> Mapping[str, Repository]:
    """All repositories by name, sorted."""
    entries = [entry for entry in files(__package__).joinpath("tasks").iterdir() if entry.name.endswith(".toml")]
    return {
        (name := entry.name.removesuffix(".toml")): _repository(name, entry.read_text(encoding="utf-8"))
        for entry in sorted(entries, key=lambda entry: entry.name)
    }


def _repository(name: str, text: str) -> Repository:
    table = tomllib.loads(text)
    steps = tuple(
        Step(
            step["name"],
            step["tool"],
            step.get("args", {}),
            tuple(step.get("sees", ())),
            tuple(step.get("follows", ())),
        )
        for step in table["steps"]
    )
    return Repository(name, table["prompt"], table["answer"], table["files"], steps)
