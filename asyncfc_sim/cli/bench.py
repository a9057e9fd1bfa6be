"""`asyncfc bench`: the same prompts, live, under several policies that take turns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import agent_options as options
from . import inject_options, task_options
from .config import on_command_line


def bench(
    ctx: typer.Context,
    prompts: task_options.PromptsFile = None,
    tasks: task_options.Tasks = None,
    base_url: options.BaseUrl = None,
    model: options.ModelName = None,
    api_key: options.ApiKey = None,
    tools: options.Tools = None,
    policy: Annotated[str, typer.Option(help="comma-separated; the first is the baseline")] = (
        "sync,sync_parallel,early_start,asyncfc"
    ),
    arms: Annotated[
        str | None, typer.Option(help="instead of policies: sync,blind,async, the accuracy experiment")
    ] = None,
    num_prompts: task_options.NumPrompts = None,
    repeats: Annotated[int, typer.Option(min=1, help="times that each prompt is asked, under each policy")] = 1,
    num_warmups: Annotated[int, typer.Option(min=0, help="conversations per policy that do not count")] = 0,
    request_rate: Annotated[
        float, typer.Option(metavar="inf|R", help="conversations that begin per second, at random")
    ] = float("inf"),
    burstiness: Annotated[
        float, typer.Option(help="shape of the gaps between them: 1 Poisson, less is burstier, more is more regular")
    ] = 1.0,
    max_concurrency: Annotated[
        int | None,
        typer.Option(min=1, help="agents at once", show_default="1; with a --request-rate, no limit"),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="of arrivals, resampling, injected latencies and the tasks of a set")
    ] = 0,
    percentile_metrics: Annotated[
        str, typer.Option(help="what is shown: of ttft, tpot, e2el and wait")
    ] = "ttft,tpot,e2el,wait",
    metric_percentiles: Annotated[str, typer.Option(help="percentiles, comma-separated")] = "50,90,99",
    goodput: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC:MS", help="limits that a good conversation keeps, as e2el:2000; may be repeated"),
    ] = None,
    fail_on_error_rate: Annotated[
        float | None, typer.Option(min=0, max=1, help="exit with 1 if a larger share of the runs fails")
    ] = None,
    metadata: Annotated[list[str] | None, typer.Option(metavar="K=V", help="kept in the results")] = None,
    grace: options.Grace = "auto",
    delivery: options.Delivery = "when_idle",
    failure: options.FailureMode = "poison",
    late_bound: options.LateBound = False,
    max_running: options.MaxRunning = 32,
    max_running_per_tool: options.MaxPerTool = 8,
    retries: options.Retries = 0,
    call_timeout: options.CallTimeout = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", min=0, help="of each conversation [default: none]")
    ] = None,
    approve: Annotated[str, typer.Option(help="calls of tools that want approval: all or none")] = "none",
    system: options.Instructions = None,
    header: options.Headers = None,
    extra_body: options.ExtraBody = None,
    trust_hints: options.TrustHints = False,
    inject: inject_options.Profile = None,
    inject_scale: inject_options.Scale = 1.0,
    save_result: Annotated[
        bool, typer.Option("--save-result", help="write the results to a file named after the run")
    ] = False,
    result_dir: Annotated[Path | None, typer.Option(metavar="DIR", help="where to [default: here]")] = None,
    result_filename: Annotated[str | None, typer.Option(metavar="NAME", help="under this name")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output-file", metavar="FILE", help="write the results to this file")
    ] = None,
    save_detailed: Annotated[
        bool, typer.Option("--save-detailed", help="with what was answered, prompt by prompt")
    ] = False,
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write all runs, for check and fit: .jsonl[.gz]")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="of files that are there already")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document instead of tables")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress on stderr")] = False,
) -> None:
    """Measure what futures change for your prompts, your tools and your served model.

    Every prompt is asked under every policy. They take turns, in orders in which each policy comes first, and after
    each other one, equally often: what drifts hits all alike. With several agents at once, or a request rate, each
    policy runs all prompts in one go instead, under its own load. Names of options and results are those of vLLM's
    serving benchmark; where that says request, a conversation is meant.

    JSON lines: {"prompt": "...", "id": "...", "expected": ...}; a prompt may be a list of messages of the user. An
    answer is right if it contains an expected text or number, or equals anything else as JSON. If the file of tools has
    a function fresh(), it is called before each conversation, so that all find the same world. A set of tasks
    (--tasks) has prompts, tools, a fresh world for each conversation, and a judge of it.

    With --arms sync,blind,async two claims are measured apart. blind shows the model futures but runs its calls one by
    one: from sync to blind is what futures do to its answers. From blind to async is what running calls early saves.

    \b
    Examples:
      asyncfc bench --prompts prompts.txt --base-url http://localhost:8000/v1 --tools mytools.py
      asyncfc bench --prompts tasks.jsonl --base-url $URL --tools mytools.py --repeats 4 -o result.json
      asyncfc bench --tasks office -n 100 --base-url $URL --arms sync,blind,async
      asyncfc bench --prompts prompts.txt --base-url $URL --tools mytools.py --request-rate 2 --goodput e2el:5000

    \b
    Exit codes: 0 all answered, 1 more failures than --fail-on-error-rate allows, 2 bad input, 3 no model or tools to
      be had, or none any more, 4 some runs failed, or all, 130 interrupted (what there is is shown and written).
    """
    from .bench_request import BenchRequest
    from .bench_run import run_bench

    for option in ("policy", "grace", "delivery"):
        if arms is not None and on_command_line(ctx, option):
            raise options.BadOption(f"--{option} and --arms: expected one of them; the arms have policies of their own")

    request = BenchRequest(
        prompts=prompts,
        tasks=tasks,
        endpoint=options.Endpoint(base_url, model, api_key, tuple(header or ()), extra_body),
        tools=tuple(tools or ()),
        policy=policy,
        arms=arms,
        num_prompts=num_prompts,
        repeats=repeats,
        num_warmups=num_warmups,
        request_rate=request_rate,
        burstiness=burstiness,
        max_concurrency=max_concurrency,
        seed=seed,
        percentile_metrics=percentile_metrics,
        metric_percentiles=metric_percentiles,
        goodput=tuple(goodput or ()),
        fail_on_error_rate=fail_on_error_rate,
        metadata=tuple(metadata or ()),
        options=options.PolicyOptions(grace, delivery, failure, max_running, max_running_per_tool, retries, late_bound),
        call_timeout_s=call_timeout,
        timeout_s=timeout,
        approve=approve,
        system=system,
        trust_hints=trust_hints,
        inject=inject_options.Inject(inject, inject_scale, seed),
        output=output,
        save_result=save_result,
        result_dir=result_dir,
        result_filename=result_filename,
        save_detailed=save_detailed,
        trace=trace,
        overwrite=overwrite,
        as_json=as_json,
        quiet=quiet,
    )
    raise typer.Exit(run_bench(request))
