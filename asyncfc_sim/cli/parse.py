"""`asyncfc parse`: check a program, and print its normal form or its terms as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import document, emit, show

if TYPE_CHECKING:
    from asyncfc_sim.core.syntax import Statement


def parse(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The program; - reads it from standard input.")],
    plan: Annotated[
        bool, typer.Option("--plan", help="FILE is an LLMCompiler plan (1. search(...), $1, join()).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document: the statements of FILE.")] = False,
) -> None:
    """Check a program and print its normal form: one statement a line, without comments.

    A program that is none gives the place of the fault with a caret, what was expected there, and exit code 2.

    \b
    Examples:
      asyncfc parse program.fc
      asyncfc parse program.fc --json | jq '.statements[].tool'
      asyncfc parse plan.txt --plan > program.fc
      echo 'f1 = search(query="Berlin")' | asyncfc parse -
    """
    from asyncfc_sim.core.syntax import calls_in
    from asyncfc_sim.language.parser import parse_program
    from asyncfc_sim.language.plan import parse_plan
    from asyncfc_sim.language.printer import format_program
    from asyncfc_sim.workloads.program_file import read_text

    text, source = read_text(file)
    program = parse_plan(text, source=source) if plan else parse_program(text, source)
    if not as_json:
        show(format_program(program))
        return
    calls = list(calls_in(program.body))
    emit(
        document(
            "parse/1",
            config={"file": source, "language": "plan" if plan else "program"},
            futures=sorted({call.future for call in calls}),
            tools=sorted({call.tool for call in calls}),
            statements=[statement_to_json(statement) for statement in program.body],
            text=format_program(program),
        )
    )


def statement_to_json(statement: Statement) -> dict[str, Any]:
    """A term as JSON. `args` and `refs` are in the wire form (`"$f1.id"`, `$$` escapes); `equals` is plain data."""
    from asyncfc_sim.core.arguments import needed
    from asyncfc_sim.core.references import template_to_json
    from asyncfc_sim.core.syntax import Branch, Call, Done, Touch

    match statement:
        case Call(future, tool, args):
            needs = sorted(needed(statement))
            return {
                "kind": "call",
                "future": future,
                "tool": tool,
                "args": template_to_json(dict(args)),
                "needs": needs,
            }
        case Touch(futures):
            return {"kind": "touch", "futures": list(futures)}
        case Branch(ref, literal, then, orelse):
            return {
                "kind": "branch",
                "ref": str(ref),
                "equals": literal,
                "then": [statement_to_json(inner) for inner in then],
                "else": [statement_to_json(inner) for inner in orelse],
            }
        case Done(refs):
            return {"kind": "done", "refs": [str(ref) for ref in refs]}
