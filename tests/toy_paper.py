"""A paper that does not exist, small enough to be reproduced in a moment, as files in a folder."""

from __future__ import annotations

from pathlib import Path

CLAIM = """
[[claim]]
id = "{id}"
paper = "arXiv:0000.00000"
benchmark = "two searches"
setting = "none"
quantity = "{quantity}"
value = {value}
unit = "{unit}"
where = "nowhere"
evidence = "made up"
second_hand = {second_hand}
derived_from = []
conflicts = [{{ value = 1.25, remark = "another note" }}]
remark = "{remark}"
kind = "latency"
reproducible_by_simulation = {reproducible}
reason = "for tests"
"""

SHAPE = """
name = "two"
title = "two searches, then an answer"
rounds = {value = 1, n = 0, source = "made up", provenance = "assumed"}
[[stages]]
name = "search"
calls = {counts = {2 = 1, 3 = 1}, n = 2, source = "made up", provenance = "measured"}
tools = {value = "search", n = 0, source = "made up", provenance = "assumed"}
sees = {value = 0, n = 0, source = "made up", provenance = "assumed"}
[tools.search]
reads = []
kind = "web_fetch"
"""

REPRODUCE = """
title = "Toy"
reference = "arXiv 0000.00000"

[closed_forms]
instances = 3

[workloads.two]
shape = "two.toml"
n = 4

[[reproduction]]
claim = "toy.speedup"
workload = "two"
faster = { policy = "asyncfc", messages = "call" }
than = { policy = "sync", messages = "call" }
tolerance = 0.05
together = "toy"
given = { grace = 0, delivery = "when_idle" }
scan = { decoder = ["gpt-4o", "gpt-oss-120b-vllm"], delay_s = [0.25, 1, 4] }
inputs = { known = ["that it is a toy"], assumed = ["nothing"], scanned = ["the delay"] }

[[reproduction]]
claim = "toy.latency"
workload = "two"
faster = { policy = "sync", messages = "call" }
tolerance = 0.05
together = "toy"
scan = { decoder = ["gpt-4o", "gpt-oss-120b-vllm"], delay_s = [0.25, 1, 4] }
inputs = { assumed = ["the same | as before"] }

[[reproduction]]
claim = "toy.nothing"
workload = "two"
faster = { policy = "sync", messages = "call" }
than = { policy = "sync", messages = "call" }
tolerance = 0.01
given = { decoder = "gpt-4o", tools = "default" }
inputs = { known = ["all"] }

[[reproduction]]
claim = "toy.too_much"
workload = "two"
faster = { policy = "bound", messages = "call" }
than = { policy = "sync", messages = "call" }
tolerance = 0.01
given = { decoder = "gpt-4o", tools = "default" }
inputs = { known = ["all"] }
"""


def claim(id: str, value: float | str, *, quantity: str = "speedup", unit: str = "x", reproducible: bool = True) -> str:
    """The text of a claim."""
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    truth = {"second_hand": "true", "reproducible": str(reproducible).lower()}
    return CLAIM.format(id=id, value=shown, quantity=quantity, unit=unit, remark="made up", **truth)


CLAIMS = "".join(
    [
        claim("toy.speedup", 1.5),
        claim("toy.latency", 5.0, quantity="latency", unit="s"),
        claim("toy.nothing", 1.0),
        claim("toy.too_much", 50.0),
        claim("toy.accuracy", "preserved", quantity="accuracy_change", unit="word", reproducible=False),
    ]
)


def write_paper(folder: Path, *, claims: str = CLAIMS, reproduce: str = REPRODUCE, shape: str = SHAPE) -> Path:
    """The files of a paper in a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "claims.toml").write_text(claims, encoding="utf-8")
    (folder / "reproduce.toml").write_text(reproduce, encoding="utf-8")
    (folder / "two.toml").write_text(shape, encoding="utf-8")
    return folder
