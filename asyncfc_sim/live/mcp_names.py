"""What tools of MCP servers are called by models, which accept fewer names than servers give."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from hashlib import sha256
from typing import Final

from asyncfc_sim.tools.decorator import valid_name

_LONGEST: Final = 64
_DIGEST: Final = 8


def tool_names(given: Sequence[str], server: str, taken: Collection[str]) -> list[str]:
    """A name for each tool, in order, none of them taken: as the server gives it, if models accept that.

    Otherwise `SERVER_NAME`, with `_` for what they do not accept; where that is too long, or taken as well, it is cut,
    and ends in a digest of the whole name, so that it is the same in every run.
    """
    used, names = set(taken), []
    for name in given:
        if not valid_name(name) or name in used:
            whole = f"{server}_{name}"
            name = re.sub(r"[^A-Za-z0-9_-]", "_", whole)
            if len(name) > _LONGEST or name in used:
                digest = sha256(whole.encode()).hexdigest()[:_DIGEST]
                name = f"{name[: _LONGEST - _DIGEST - 1]}_{digest}"
        used.add(name)
        names.append(name)
    return names
