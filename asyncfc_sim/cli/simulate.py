"""`asyncfc simulate`: what would futures save on these programs?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    workload: Annotated[
        str, typer.Argument(metavar="WORKLOAD", help="bfcl[:SPLIT], FILE.fc, or a file or folder of traces")
    ],
    policy: Annotated[str, typer.Option(help="policies, comma-separated; bound is the longest path")] = (
        "sync,sync_parallel,early_start,asyncfc,plan,interrupt,bound"
    ),
    decoder: Annotated[
        str | None,
        typer.Option(help="a name in models/decoders, or a TOML file [default: gpt-oss-120b-vllm; traces: recorded]"),
    ] = None,
    durations: Annotated[
        str | None,
        typer.Option(help="tool times: a name in models/tools, or a TOML file [default: by workload]"),
    ] = None,
    grace: Annotated[str, typer.Option(help="grace times of asyncfc: seconds, inf, auto; comma-separated")] = "0,auto",
    delivery: Annotated[str, typer.Option(help="on_touch, when_idle or rewrite")] = "on_touch",
    failure: Annotated[str, typer.Option(help="poison, barrier or strict")] = "poison",
    messages: Annotated[
        str | None,
        typer.Option(help="how calls become messages: call, turn or both; traces: step, as recorded [default]"),
    ] = None,
    dependence: Annotated[str, typer.Option(help="what the model waits for: values, all or both")] = "both",
    await_rate: Annotated[
        float, typer.Option(help="chance that a model with futures awaits all of them before a message")
    ] = 0.0,
    n: Annotated[
        int | None, typer.Option(min=1, help="the first N conversations [default: all; 100 runs of a FILE.fc]")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of the durations drawn")] = 0,
    tools: Annotated[
        Path | None, typer.Option(help="tool declarations of a FILE.fc [default: FILE.tools.toml] or of traces")
    ] = None,
    sweep: Annotated[
        list[str] | None, typer.Option(metavar="KNOB=V,V,...", help="run every combination; repeat for more knobs")
    ] = None,
    precision: Annotated[
        float | None, typer.Option(help="sample until intervals are within this fraction of the speed-up: 0.01")
    ] = None,
    max_n: Annotated[
        int | None, typer.Option(min=1, help="conversations at which --precision gives up [default: 6400]")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="draw a sweep: .png, .svg or .pdf; a curve, or a map over two numbers")
    ] = None,
    case: Annotated[
        str | None, typer.Option(help="the conversation to show [default: where asyncfc saves most]")
    ] = None,
    trace: Annotated[Path | None, typer.Option(help="write its runs: .jsonl[.gz] or .perfetto.json[.gz]")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output-file", help="write all results: JSON; a sweep: .csv or .json")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document instead of tables")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="processes [default: one per CPU for 100 cases or more]")
    ] = None,
    executor: Annotated[
        str | None, typer.Option(help="where to run: processes:N, threads:N, serial or dask:ADDRESS")
    ] = None,
    await_thinking: Annotated[
        bool, typer.Option(help="before a message that only awaits, think as long as before any (assumed)")
    ] = True,
    on_broken: Annotated[
        str, typer.Option(help="a broken line of a trace file: fail, or skip (then exit code 4)")
    ] = "fail",
    failure_rate: Annotated[float, typer.Option(help="chance that a call fails, without effect")] = 0.0,
    agents: Annotated[
        int | None, typer.Option(help="so many agents on one server, each with one session after another")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="sessions begin at random, so many a second, on one server")
    ] = None,
    burstiness: Annotated[
        float | None, typer.Option(help="of --rate: 1 is Poisson, less is burstier [default: 1]")
    ] = None,
    replay_arrivals: Annotated[bool, typer.Option(help="sessions of traces begin as recorded, on one server")] = False,
    max_batch: Annotated[
        int | None, typer.Option(help="requests that the server works on at once [default: 256]")
    ] = None,
    prefix_cache: Annotated[
        int | None, typer.Option(min=0, help="tokens of the server's prefix cache [default: unlimited]")
    ] = None,
    capacity: Annotated[
        list[str] | None, typer.Option(help="KIND=N: workers for a kind of tool, for all agents; may be repeated")
    ] = None,
    think: Annotated[float, typer.Option(min=0, help="seconds that a user pauses before a message")] = 0.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress on stderr")] = False,
) -> None:
    """Simulate a workload under several policies, and say what each would save.

    WORKLOAD is bfcl (all four splits of the BFCL v4 multi-turn benchmark), bfcl:base, bfcl:miss_func,
    bfcl:miss_param, bfcl:long_context, a program FILE.fc, or recorded sessions in any format that
    `asyncfc trace stats` reads. Every run is checked against running the calls one by
    one, on the real tools (for traces: on a model of them); exit code 1 if any value or the final state differs.

    Knobs of --sweep: policy, grace, delivery, failure, messages, dependence, await_rate, max_running, decoder,
    durations, tool_scale, decode_scale, seed. A knob takes the place of its option. An interrupted sweep with -o goes
    on when the same command is given again. Exit code 4 if a row is not as precise as asked.

    \b
    Examples:
      asyncfc simulate bfcl:base
      asyncfc simulate bfcl:base --policy sync,asyncfc --grace 0,auto,inf --decoder gpt-4o --n 50
      asyncfc simulate examples/01_two_lookups.fc --trace out.perfetto.json
      asyncfc simulate bfcl:base --sweep grace=0,0.1,auto --sweep decoder=gpt-4o,claude-opus-4.5 -o out.csv
      asyncfc simulate bfcl --policy asyncfc --grace 0 --messages call --dependence values --plot map.svg \\
        --sweep tool_scale=0.1,0.3,1,3 --sweep decode_scale=0.3,1,3 --precision 0.02
      asyncfc simulate sessions.jsonl.gz --policy sync,asyncfc,bound --await-rate 0.2
      asyncfc simulate bfcl:base --messages call --agents 20 --max-batch 4 --decoder llama2-70b-h100
    """
    from .simulate_run import Request, run

    request = Request(
        workload=workload,
        policy=policy,
        decoder=decoder,
        durations=durations,
        grace=grace,
        delivery=delivery,
        failure=failure,
        messages=messages,
        dependence=dependence,
        await_rate=await_rate,
        n=n,
        seed=seed,
        tools=tools,
        case=case,
        trace=trace,
        output=output,
        as_json=as_json,
        workers=workers,
        executor=executor,
        await_thinking=await_thinking,
        on_broken=on_broken,
        quiet=quiet,
        failure_rate=failure_rate,
    )
    if agents is not None or rate is not None or replay_arrivals:
        from .simulate_fleet import FleetRequest, run_agents

        if sweep or precision is not None or max_n is not None or plot is not None:
            raise typer.BadParameter("a sweep is of conversations on their own: leave --agents, --rate away")
        if case is not None or trace is not None or executor is not None:
            raise typer.BadParameter(
                "--case, --trace and --executor are of conversations on their own: leave --agents, --rate away"
            )
        raise typer.Exit(
            run_agents(
                FleetRequest(
                    request,
                    agents,
                    rate,
                    burstiness,
                    replay_arrivals,
                    max_batch,
                    prefix_cache,
                    tuple(capacity or ()),
                    think,
                )
            )
        )
    if capacity or think or any(option is not None for option in (prefix_cache, max_batch, burstiness)):
        raise typer.BadParameter(
            "--capacity, --prefix-cache, --max-batch, --burstiness and --think are of agents that share a server: "
            "expected --agents, --rate or --replay-arrivals"
        )
    if sweep or precision is not None or max_n is not None or plot is not None:
        from .simulate_sweep import SweepRequest, run_sweep

        raise typer.Exit(run_sweep(SweepRequest(request, tuple(sweep or ()), precision, max_n, plot)))
    raise typer.Exit(run(request))
