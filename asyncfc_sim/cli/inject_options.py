"""The options of verbs that run agents which add latencies to the tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncfc_sim.live.injected import Injection

Profile = Annotated[
    str | None,
    typer.Option(
        "--inject", metavar="NAME|FILE.toml", help="add latencies to the tools, drawn from this profile [default: none]"
    ),
]
Scale = Annotated[float, typer.Option("--inject-scale", metavar="S", help="of injected latencies: each times S")]


class InjectOptionError(ValueError):
    """An option about latencies that says nothing without another."""


@dataclass(frozen=True, slots=True)
class Inject:
    """Which latencies are added to tools, if any: a profile of measured durations (models/tools), a scale, a seed."""

    profile: str | None = None
    scale: float = 1.0
    seed: int = 0

    def injection(self) -> Injection | None:
        """The latencies. Raises InjectOptionError, InjectionError, ModelFileError."""
        if self.profile is None:
            if self.scale != 1.0:
                raise InjectOptionError(f"--inject-scale {self.scale:g} goes with --inject PROFILE")
            return None
        from asyncfc_sim.simulate.durations import load_durations
        from asyncfc_sim.studies.injection import injection

        return injection(load_durations(self.profile), self.scale, self.seed)

    def to_json(self) -> dict[str, Any] | None:
        """As a journal keeps it; None if there are none."""
        if self.profile is None:
            return None
        return {"profile": self.profile, "scale": self.scale, "seed": self.seed}


def inject_from_json(kept: Mapping[str, Any] | None) -> Inject:
    """What `to_json` gives."""
    return Inject() if kept is None else Inject(kept["profile"], kept["scale"], kept["seed"])
