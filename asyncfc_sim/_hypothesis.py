"""What Hypothesis runs when it is imported, so that `st.from_type(Program)` and the like work in anybody's tests.

Hypothesis knows strategies by type, but our types take longer to import than a plug-in may take: so the strategies of
a module's types are registered when somebody imports that module. Without the type, nobody can ask for its strategy.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# By module, the types it defines, and the functions in verify/strategies.py that make their strategies.
_STRATEGIES = {
    "asyncfc_sim.core.syntax": {"Program": "programs"},
    "asyncfc_sim.verify.choices": {"Schedule": "schedules"},
    "asyncfc_sim.workloads.key_world": {"KeyWorld": "worlds"},
    "asyncfc_sim.workloads.workload": {"World": "worlds"},
}


def register() -> None:
    """The entry point. Hypothesis leaves it out where HYPOTHESIS_NO_PLUGINS is set."""
    for name in _STRATEGIES:
        if name in sys.modules:
            _register(sys.modules[name])
    sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds the modules above as Python does, and has their strategies registered once they have run."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in _STRATEGIES else None  # type: ignore[arg-type]
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _register(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _register(module: ModuleType) -> None:
    from hypothesis.strategies import register_type_strategy

    for name, function in _STRATEGIES[module.__name__].items():
        register_type_strategy(getattr(module, name), partial(_made_by, function))


def _made_by(function: str, _: type) -> SearchStrategy[object]:
    from asyncfc_sim.verify import strategies

    strategy: SearchStrategy[object] = getattr(strategies, function)()
    return strategy
