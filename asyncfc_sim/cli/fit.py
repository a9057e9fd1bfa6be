"""`asyncfc fit`: timing models from recorded sessions, or from a table of measured times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import document, emit, report_faults
from .trace_files import Broken, Format

if TYPE_CHECKING:
    from .fit_run import Fitted


def fit(
    traces: Annotated[
        str,
        typer.Argument(
            metavar="TRACES",
            help="Sessions in any format that `asyncfc trace stats` reads, or a table of times (perf_model.csv).",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output-file", metavar="TOML", help="Write the decoder, for --decoder.")
    ] = None,
    tools: Annotated[
        Path | None, typer.Option("--tools", metavar="TOML", help="Fit tool durations too, and write their profile.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Fit this model, where there are several.")] = None,
    hardware: Annotated[str | None, typer.Option("--hardware", help="Of a table: this hardware.")] = None,
    tensor_parallel: Annotated[
        int | None, typer.Option("--tensor-parallel", min=1, help="Of a table: this degree.")
    ] = None,
    min_r2: Annotated[
        float, typer.Option("--min-r2", max=1, help="Refuse a decoder that explains less of llm_s.")
    ] = 0.5,
    constant_ttft: Annotated[
        bool, typer.Option("--constant-ttft", help="Leave out how TTFT grows with the prompt.")
    ] = False,
    whole: Annotated[
        bool, typer.Option("--whole", help="Fit whole messages, though their first tokens were timed.")
    ] = False,
    name: Annotated[
        str | None, typer.Option("--name", help="Of the models.", show_default="the names of the files")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the samples behind the p-values.")] = 0,
    format: Format = None,
    on_broken: Broken = "fail",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")] = False,
) -> None:
    """Fit a decoder (TTFT, time per token, tokens) and tool durations to what was recorded.

    With --tools and without -o, only the tools are fitted. What the data cannot carry is refused (exit code 2), with
    the reason and what would be needed. The files say n, R2 and source of every figure.

    \b
    Examples:
      asyncfc fit sessions.jsonl -o my-model.toml
      asyncfc fit sessions.jsonl -o my-model.toml --tools my-tools.toml --model claude-opus-4-5-20251101
      asyncfc fit perf_model.csv -o h100.toml --model llama2-70b --hardware h100-80gb --tensor-parallel 8
      asyncfc simulate bfcl:base --decoder ./my-model.toml
    """
    from .errors import ExitCode
    from .fit_run import Request, run

    request = Request(
        traces=traces,
        decoder=None if tools is not None and output is None else (name or _stem(output)),
        tools=None if tools is None else (name or _stem(tools)),
        model=model,
        hardware=hardware,
        tensor_parallel=tensor_parallel,
        min_r2=min_r2,
        constant_ttft=constant_ttft,
        whole=whole,
        seed=seed,
        format=format,
        broken=on_broken,
    )
    fitted = run(request)
    report_faults(fitted.faults)
    written = [
        _write(path, text)
        for path, text in ((output, fitted.decoder_file), (tools, fitted.tools_file))
        if path is not None and text is not None
    ]
    if as_json:
        emit(_document(request.traces, seed, fitted, written))
    else:
        from asyncfc_sim.report.console import results_console

        from .fit_view import view

        console = results_console()
        for part in view(fitted):
            console.print(part)
        for path in written:
            console.print(f"written: {path}", soft_wrap=True)
    if fitted.faults:
        raise typer.Exit(ExitCode.PARTIAL)


def _stem(path: Path | None) -> str:
    return "fitted" if path is None else path.name.removesuffix(".toml") or "fitted"


def _write(path: Path, text: str) -> str:
    from asyncfc_sim.traces.files import atomic_write

    with atomic_write(path) as out:
        out.write(text.encode())
    return str(path)


def _document(traces: str, seed: int, fitted: Fitted, written: list[str]) -> dict[str, object]:
    from dataclasses import asdict

    from .fit_view import tool_document

    return document(
        "fit/1",
        seed=seed,
        config={"traces": traces},
        source=fitted.source,
        skipped=fitted.faults,
        decoder=None if fitted.decoder is None else asdict(fitted.decoder),
        fit=None
        if fitted.fit is None
        else {name: value for name, value in asdict(fitted.fit).items() if name != "decoder"},
        tools=None if fitted.tools is None else [tool_document(kind) for kind in fitted.tools.kinds],
        written=written,
    )
