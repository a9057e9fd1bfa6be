"""`asyncfc fidelity`: how far the simulator's predictions are from what then happens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import agent_options as options
from . import inject_options, task_options


def fidelity(
    prompts: task_options.PromptsFile = None,
    tasks: task_options.Tasks = None,
    base_url: options.BaseUrl = None,
    model: options.ModelName = None,
    api_key: options.ApiKey = None,
    tools: options.Tools = None,
    policy: Annotated[str, typer.Option(help="comma-separated: those that are predicted")] = (
        "sync_parallel,early_start,asyncfc"
    ),
    num_prompts: task_options.NumPrompts = None,
    rounds: Annotated[int, typer.Option(min=2, help="of sync, before the others: how they differ is the noise")] = 2,
    repeats: Annotated[int, typer.Option(min=1, help="times that each prompt is then asked, under each policy")] = 1,
    num_warmups: Annotated[int, typer.Option(min=0, help="conversations before all others that do not count")] = 1,
    alpha: Annotated[
        float | None,
        typer.Option(
            metavar="A",
            help="of the forecast: what futures cost, as a fraction of decoding under sync",
            show_default="awaits are simulated",
        ),
    ] = None,
    min_r2: Annotated[float, typer.Option("--min-r2", max=1, help="refuse a timing model that explains less")] = 0.5,
    inject: inject_options.Profile = None,
    inject_scale: inject_options.Scale = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="of a set's tasks, injected latencies and resampling")] = 0,
    require_goals: Annotated[bool, typer.Option("--require-goals", help="exit with 1 if a goal is missed")] = False,
    grace: options.Grace = "auto",
    delivery: options.Delivery = "when_idle",
    failure: options.FailureMode = "poison",
    max_running: options.MaxRunning = 32,
    max_running_per_tool: options.MaxPerTool = 8,
    call_timeout: options.CallTimeout = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", min=0, help="of each conversation [default: none]")
    ] = None,
    approve: Annotated[str, typer.Option(help="calls of tools that want approval: all or none")] = "none",
    system: options.Instructions = None,
    header: options.Headers = None,
    extra_body: options.ExtraBody = None,
    trust_hints: options.TrustHints = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output-file", metavar="FILE", help="write the results, run by run")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="draw predicted against measured: .png, .svg or .pdf")
    ] = None,
    trace: Annotated[Path | None, typer.Option(metavar="FILE", help="write all runs: .jsonl[.gz]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="of files that are there already")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document instead of tables")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress on stderr")] = False,
) -> None:
    """Run under sync, fit, predict the other policies, run these too: how far off were the predictions?

    First every prompt is asked under sync, in rounds: how much they differ is the noise, which no prediction can beat.
    A timing model is fitted to these runs alone, as `asyncfc fit` does, and each other policy is simulated. Then every
    prompt is asked under each of them, and under sync once more beside them.

    Two predictions, never mixed. The forecast knows the synchronous runs and what is assumed of futures (--alpha).
    The conditional one is given what the model then wrote, and how long its tools ran, and predicts when it all
    happens: so it tests the timing model and the schedule, and not what a model says. Errors are told by their causes.

    \b
    Examples:
      asyncfc fidelity --tasks office -n 50 --base-url http://127.0.0.1:8000/v1 --inject office --inject-scale 0.05
      asyncfc fidelity --prompts tasks.jsonl --tools mytools.py --base-url $URL -o fidelity.json --plot fidelity.png

    \b
    Exit codes: 0 done, 1 a goal was missed (with --require-goals), 2 bad input, or runs that carry no timing model,
      3 no model or tools to be had, or none any more, 4 some runs failed, 130 interrupted (what there is is shown).
    """
    from .fidelity_request import FidelityRequest
    from .fidelity_run import run_fidelity

    request = FidelityRequest(
        prompts=prompts,
        tasks=tasks,
        endpoint=options.Endpoint(base_url, model, api_key, tuple(header or ()), extra_body),
        tools=tuple(tools or ()),
        policy=policy,
        num_prompts=num_prompts,
        rounds=rounds,
        repeats=repeats,
        num_warmups=num_warmups,
        alpha=alpha,
        min_r2=min_r2,
        inject=inject_options.Inject(inject, inject_scale, seed),
        seed=seed,
        require_goals=require_goals,
        options=options.PolicyOptions(grace, delivery, failure, max_running, max_running_per_tool),
        call_timeout_s=call_timeout,
        timeout_s=timeout,
        approve=approve,
        system=system,
        trust_hints=trust_hints,
        output=output,
        plot=plot,
        trace=trace,
        overwrite=overwrite,
        as_json=as_json,
        quiet=quiet,
    )
    raise typer.Exit(run_fidelity(request))
