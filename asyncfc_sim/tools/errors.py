"""What is wrong with a tool, or with the file that holds it, and what would put it right."""

from __future__ import annotations


class ToolError(ValueError):
    """A function that cannot be a tool as it stands: which, why, and the fix."""

    def __init__(self, tool: str, why: str) -> None:
        super().__init__(f"tool {tool!r}: {why}")


class ToolFileError(ValueError):
    """A file of tools that cannot be used: file and line, and what was expected."""


class MissingDependency(ImportError):
    """A file of tools imports a package that is not installed."""
