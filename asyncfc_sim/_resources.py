"""Find the data folders that ship with the package: `grammar/`, `models/`, `papers/` and `litmus/`.

They stand at the top level of the checkout, where people read and edit them, `litmus/` in `tests/`; and are copied to
`asyncfc_sim/_data/` when a wheel is built.
"""

import os
from pathlib import Path


def data_path(kind: str, *parts: str) -> Path:
    """Return an existing file or folder: `data_path("grammar", "program.lark")`.

    The folder named by ASYNCFC_DATA_DIR is asked first, so that a user's own models can stand in front
    of ours. The wheel's copy is asked before the parent folder: in site-packages the parent may hold
    somebody else's `models/`. The search starts from this file and never from the installed metadata,
    because an editable install also leaves a copy of the data in site-packages, and that copy goes stale.
    """
    package = Path(__file__).resolve().parent
    override = os.environ.get("ASYNCFC_DATA_DIR")
    roots = [Path(override)] if override else []
    roots.append(package / "_data")
    if (package.parent / "pyproject.toml").is_file():  # a checkout, or an editable install of one
        roots += [package.parent, package.parent / "tests"]
    for root in roots:
        if (found := root.joinpath(kind, *parts)).exists():
            return found
    places = ", ".join(str(root) for root in roots)
    raise FileNotFoundError(f"asyncfc_sim: no {'/'.join((kind, *parts))} under {places}")
