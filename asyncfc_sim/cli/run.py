"""`asyncfc run`: an agent on a served model, with your functions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import agent_options as options
from . import inject_options


def run(
    ctx: typer.Context,
    prompts: Annotated[
        list[str] | None, typer.Argument(metavar="PROMPT", help="Messages of the user, one by one; - is stdin.")
    ] = None,
    base_url: options.BaseUrl = None,
    model: options.ModelName = None,
    api_key: options.ApiKey = None,
    tools: options.Tools = None,
    policy: Annotated[str, typer.Option(help="sync, sync_parallel, early_start, asyncfc or blind")] = "asyncfc",
    grace: options.Grace = "auto",
    delivery: options.Delivery = "when_idle",
    failure: options.FailureMode = "poison",
    late_bound: options.LateBound = False,
    max_running: options.MaxRunning = 32,
    max_running_per_tool: options.MaxPerTool = 8,
    retries: options.Retries = 0,
    call_timeout: options.CallTimeout = None,
    timeout: Annotated[float | None, typer.Option(metavar="S", min=0, help="of the whole run [default: none]")] = None,
    approve: Annotated[
        str, typer.Option(help="calls of tools that want approval: ask (on the terminal), all or none")
    ] = "ask",
    system: options.Instructions = None,
    header: options.Headers = None,
    extra_body: options.ExtraBody = None,
    constrain: options.Constrain = False,
    trust_hints: options.TrustHints = False,
    inject: inject_options.Profile = None,
    inject_scale: inject_options.Scale = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="of injected latencies")] = 0,
    journal: Annotated[
        Path | None, typer.Option(metavar="FILE", help="keep the run on disk while it goes on, to be resumed")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="FILE", help="go on with the run of this journal, under its policy")
    ] = None,
    decide: Annotated[
        list[str] | None,
        typer.Option(metavar="fN=again|failed|done:JSON", help="with --resume: of a call in doubt; may be repeated"),
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write the run: .jsonl[.gz] or .perfetto.json[.gz]")
    ] = None,
    texts: Annotated[bool, typer.Option("--texts", help="keep what was said in the trace, too")] = False,
    require_certified: Annotated[
        bool, typer.Option("--require-certified", help="exit with 1 if the run is not certified")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print the answer, and nothing else")] = False,
) -> None:
    """Run an agent on a served model: it goes on while its functions run.

    The server speaks OpenAI's chat completions (vLLM, llama-server, transformers serve, Ollama, ...). The tools are
    plain functions of a file, or those of an MCP server. The model's calls are answered at once with futures, and run
    as soon as that is safe. Printed are the answer, what ran when (measured), and whether the run equals one in order.

    What is kept: nothing, unless --trace or --journal is given. A run with a journal that was killed is resumed:
    what was done is not done again, and calls of which that is not known are named, for you to decide.

    \b
    Examples:
      asyncfc run "Compare Berlin and Paris" --base-url http://localhost:8000/v1 --tools mytools.py
      asyncfc run "Tidy my notes" --base-url http://localhost:8000 --tools "mcp:npx some-server" --policy sync
      asyncfc run "Book it" --base-url $URL --tools travel.py --journal book.journal --trace book.jsonl
      asyncfc run "Book it" --base-url $URL --tools travel.py --inject default --inject-scale 0.1
      asyncfc run --resume book.journal --decide f3=again

    \b
    Exit codes: 0 answered, 1 not certified (with --require-certified), 2 bad input, 3 no model or tools to be
      had, 4 no answer, or calls in doubt, 130 interrupted (what there is is written first).
    """
    from .run_agent import RunRequest, run_agent
    from .run_resume import check_options

    if resume is not None:
        check_options(ctx)

    request = RunRequest(
        prompts=tuple(prompts or ()),
        endpoint=options.Endpoint(base_url, model, api_key, tuple(header or ()), extra_body, constrain),
        tools=tuple(tools or ()),
        policy=policy,
        options=options.PolicyOptions(grace, delivery, failure, max_running, max_running_per_tool, retries, late_bound),
        call_timeout_s=call_timeout,
        timeout_s=timeout,
        approve=approve,
        system=system,
        trust_hints=trust_hints,
        inject=inject_options.Inject(inject, inject_scale, seed),
        journal=journal,
        resume=resume,
        decide=tuple(decide or ()),
        trace=trace,
        texts=texts,
        require_certified=require_certified,
        as_json=as_json,
        quiet=quiet,
    )
    raise typer.Exit(run_agent(request))
