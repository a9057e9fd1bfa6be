"""The tools of a repository on the one named `cart`, in the working folder, as `asyncfc check` can try them."""

from __future__ import annotations

from pathlib import Path

from asyncfc_sim.workloads.repos.repository import read_files, repositories, write_files
from asyncfc_sim.workloads.repos.tools import repo_tools

REPOSITORY = repositories()["cart"]
HERE = Path()
TOOLS = repo_tools(HERE)


def fresh() -> None:
    write_files(REPOSITORY.files, HERE)


def observe() -> dict[str, str]:
    return read_files(HERE)


def examples() -> dict[str, list[dict[str, str]]]:
    calls: dict[str, list[dict[str, str]]] = {"grep": [{"pattern": "cents"}, {"pattern": "def ", "folder": "."}]}
    for step in REPOSITORY.steps:
        calls.setdefault(step.tool, []).append(dict(step.args))
    return calls
