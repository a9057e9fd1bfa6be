"""Sweeps: samples a second of the vectorised engine against a bare SimPy script, and how many samples a sweep needs.

Speed: the task of bench_simulate.py (8 calls), 100,000 samples under asyncfc, as a multiple of the bare script's speed;
the goal is 1000. Drawing the samples is a second figure: every draw is a hash of seed, case and call, so that it is the
same on every machine and in every order. Drawn once, samples serve all arms. CPU times of one process; rounds are
interleaved, each with a task of its own, and ratios are medians over rounds.

Samples: as many as give the speed-up of asyncfc over sync to +-1 % (95 %), from measured variances by the delta method:
    n = (1.96 / 0.01)^2 (Vs/s^2 + Va/a^2 - 2 C/(s a)),   s, a: mean makespans, V: variances, C: covariance of the arms.
A sample is a conversation, taken at random, with random draws. The arms share nothing (C = 0), their conversations, or
conversations and draws (common random numbers, as everywhere here). The goal is 5 times fewer than with nothing shared.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import pairwise
from statistics import median

import numpy as np
from bench_simulate import make_task, run_bare  # type: ignore[import-not-found]  # beside this script

from asyncfc_sim.core.policy import policy_named
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.draws import Sample, draw
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.experiment import Arm
from asyncfc_sim.simulate.max_plus import compile_network, run_samples
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.network import Column
from asyncfc_sim.workloads.workload import Task

SAMPLES, ROUNDS, BARE_RUNS = 100_000, 7, 300
TASKS, DRAWS_EACH = 100, 400
SYNC = Arm("sync", policy_named("sync"), "turn")
PAPER = Arm("asyncfc", policy_named("asyncfc", grace_s=0.0, delivery="on_touch", duplicates="run"), "turn")


def main() -> None:
    rng = np.random.default_rng(0)
    models = Models(load_decoder("gpt-oss-120b-vllm"), load_durations("default"))
    measure_speed([make_task(number, rng) for number in range(ROUNDS)], models)
    print("\nsamples for the speed-up to +-1 %   nothing shared   same conversations   and same draws   fewer")
    print_samples_needed("8 calls", [make_task(number, rng) for number in range(TASKS)], models)
    try:
        from asyncfc_sim.workloads.bfcl import load

        tasks = load("base")
    except ImportError as error:
        print(f"BFCL v4 multi-turn: left out: {error}")
        return
    models = Models(load_decoder("gpt-oss-120b-vllm"), load_durations("bfcl-agent"))
    print_samples_needed("BFCL v4 multi-turn", tasks[:: len(tasks) // TASKS], models)
    print("goal: 5.0 x fewer with common random numbers than with nothing shared")


def measure_speed(tasks: Iterable[Task], models: Models) -> None:
    ratios: dict[str, list[float]] = {"vectorised": [], "drawing": [], "both": []}
    bare_s = []
    for task in tasks:
        samples = [Sample(seed, task.name) for seed in range(SAMPLES)]
        network = compile_network(task, PAPER, models)
        moments = [time.process_time()]
        for _ in range(BARE_RUNS):
            run_bare(task, models)
        moments.append(time.process_time())
        draws = draw(task, models, samples, [network])
        moments.append(time.process_time())
        network.makespans(draws)
        moments.append(time.process_time())
        bare, drawing, computing = (after - before for before, after in pairwise(moments))
        bare_s.append(bare / BARE_RUNS)
        for name, seconds in (("vectorised", computing), ("drawing", drawing), ("both", drawing + computing)):
            ratios[name].append(bare_s[-1] * SAMPLES / seconds)
    rate = 1 / median(bare_s)
    print(f"{'bare SimPy script':20} {rate:12,.0f} samples/s")
    for name, found in ratios.items():
        ratio = median(found)
        print(f"{name:20} {ratio * rate:12,.0f} samples/s {ratio:8,.0f} x ({min(found):,.0f} to {max(found):,.0f})")
    print("goal: vectorised at 1000 x or more")


def print_samples_needed(name: str, tasks: Iterable[Task], models: Models) -> None:
    arms, seeds = [SYNC, PAPER], range(DRAWS_EACH)
    pairs = [run_samples(task, arms, models, [Sample(seed, task.name) for seed in seeds]) for task in tasks]
    sync = np.concatenate([pair[0] for pair in pairs])
    paper = np.concatenate([pair[1] for pair in pairs])
    other_draws = np.concatenate([np.roll(pair[1], 1) for pair in pairs])
    nothing = needed(sync, paper, 0.0)
    conversations = needed(sync, paper, covariance(sync, other_draws))
    both = needed(sync, paper, covariance(sync, paper))
    print(f"{name:34}   {nothing:14,.0f}   {conversations:18,.0f}   {both:14,.0f}   {nothing / both:4.1f} x")


def needed(sync: Column, other: Column, shared: float) -> float:
    s, a = sync.mean(), other.mean()
    return float((1.96 / 0.01) ** 2 * (sync.var() / s**2 + other.var() / a**2 - 2 * shared / (s * a)))


def covariance(one: Column, other: Column) -> float:
    return float(np.cov(one, other, bias=True)[0, 1])


if __name__ == "__main__":
    main()
