"""Litmus tests (.lit) as files: those that ship with the package, and anybody's own."""

from __future__ import annotations

from pathlib import Path

from asyncfc_sim._resources import data_path
from asyncfc_sim.language.litmus import LitmusTest, parse_litmus

from .key_world import KeyWorld
from .program_file import read_text
from .toolbox import PARAMETERS, TOOLBOX


def load_litmus(path: str) -> LitmusTest:
    """The test at `path` (`-`: standard input). Raises OSError, LanguageError or ProgramFileError."""
    return parse_litmus(*read_text(path), bodies=PARAMETERS)


def litmus_files() -> list[Path]:
    """The tests that ship with the package, by name. Raises FileNotFoundError if none are there."""
    folder = data_path("litmus")
    files = sorted(folder.glob("*.lit"))
    if not files:
        raise FileNotFoundError(f"{folder}: there are no litmus tests in it")
    return files


def litmus_world(test: LitmusTest) -> KeyWorld:
    """A fresh world for the test, in which its tools run."""
    return KeyWorld({tool: TOOLBOX[body] for tool, body in test.bodies.items()}, test.world)
