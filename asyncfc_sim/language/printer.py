"""Program -> text, the inverse of the parser.

The terms print themselves (`str(program)`, in core/syntax.py); a file also ends its last line. For every valid program
`parse_program(format_program(program)) == program`, and the text of a parsed program is a normal form: one statement
a line, two spaces a level, no comments, every string in the shortest of its spellings.
"""

from __future__ import annotations

from asyncfc_sim.core.syntax import Program


def format_program(program: Program) -> str:
    """The program in the language of grammar/program.lark, as the content of a file."""
    return f"{program}\n" if program.body else ""
