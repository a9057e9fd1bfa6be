"""`asyncfc fit`: from a file of sessions or of times to a model that `asyncfc simulate` runs with."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from asyncfc_sim.cli import app
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, RecordedTurn, session_line
from tests.session_examples import marked

PROGRAM = str(Path(__file__).parents[2] / "examples" / "01_two_lookups.fc")
TABLE = (
    "model,hardware,prompt_size,batch_size,token_size,prompt_time,token_time,e2e_time,tensor_parallel\n"
    "m,gpu,512,1,100,100,20,2080,1\nm,gpu,1024,1,100,300,20,2280,1\nn,gpu,512,1,100,100,20,2080,1\n"
)


def run(*args, **options):
    return CliRunner().invoke(app, list(map(str, args)), **options)


def fit(*args):
    return run("fit", *args)


def words(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """60 sessions of one call and an answer by a model of 0.5 s + 20 ms a token; the tool takes 1 s to 3 s."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("recorded") / "sessions.jsonl"
    lines = []
    for number in range(60):
        call = RecordedCall(id="a", tool="lookup", kind="lookup", args={"q": "x"}, exec_s=float(rng.uniform(1, 3)))
        prompt, steps = 0, []
        for calls in ((call,), ()):
            new, out = int(rng.integers(100, 5000)), int(rng.integers(40, 400))
            prompt += new
            llm_s = 0.5 + 1e-4 * new + 0.02 * out + float(rng.uniform(0, 0.1))
            steps.append(
                RecordedStep(
                    model="m",
                    prompt_tokens=prompt,
                    cached_tokens=prompt - new,
                    out_tokens=out,
                    llm_s=llm_s,
                    calls=calls,
                )
            )
        turns = (RecordedTurn(steps=tuple(steps)),)
        lines.append(session_line(marked(RecordedSession(session=f"s{number}", source="made", turns=turns))))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_what_was_fitted_runs_in_a_simulation(recorded, tmp_path):
    decoder, tools = tmp_path / "fast.toml", tmp_path / "mine.toml"
    done = fit(recorded, "-o", decoder, "--tools", tools)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "time per token" in done.stdout
    assert done.stdout.splitlines()[-2:] == [f"written: {decoder}", f"written: {tools}"]
    loaded = load_decoder(str(decoder))
    assert loaded.name == "fast"
    assert loaded.ttft_s(0) == pytest.approx(0.55, rel=0.1)
    assert loaded.ttft.slope.value == pytest.approx(1e-4, rel=0.1)
    assert loaded.itl_s() == pytest.approx(0.02, rel=0.02)
    assert loaded.itl.points[0][1].n == 118  # of 120, the slowest hundredth cut
    assert load_durations(str(tools)).quantity_of("lookup").value == pytest.approx(2, rel=0.2)
    simulated = run(
        "simulate",
        PROGRAM,
        "--decoder",
        decoder,
        "--durations",
        tools,
        "--policy",
        "sync,asyncfc",
        "--n",
        "3",
        "--json",
    )
    assert simulated.exit_code == 0, simulated.stderr
    assert "fast" in simulated.stdout
    slow = run("simulate", PROGRAM, "--decoder", "gpt-4o", "--policy", "sync,asyncfc", "--n", "3", "--json")
    assert json.loads(slow.stdout)["config"] != json.loads(simulated.stdout)["config"]


def test_the_file_says_how_good_the_fit_is(recorded, tmp_path):
    out = tmp_path / "fast.toml"
    fit(recorded, "-o", out)
    text = out.read_text()
    head = text.partition("\n\n")[0]
    assert "workload: sessions.jsonl" in head
    assert str(tmp_path) not in text
    for said in ("R2 1.000 of llm_s", "residuals of llm_s: ", "n = 118 messages", "sessions taken as independent"):
        assert said in head


def test_nothing_is_written_unless_asked_and_the_same_seed_gives_the_same_bytes(recorded, tmp_path):
    first = fit(recorded, "--json")
    assert first.exit_code == 0
    assert first.stdout == fit(recorded, "--json").stdout
    found = json.loads(first.stdout)
    assert found["schema"] == "asyncfc.fit/1"
    assert found["written"] == []
    assert found["decoder"]["name"] == "fitted"
    assert found["fit"]["r2"] > 0.99
    assert found["tools"] is None
    assert list(tmp_path.iterdir()) == []


def test_tools_alone(recorded, tmp_path):
    out = tmp_path / "mine.toml"
    found = json.loads(fit(recorded, "--tools", out, "--json").stdout)
    assert found["decoder"] is None
    (tool,) = found["tools"]
    assert tool["n"] == 60
    assert {one["family"] for one in tool["fits"]} == {"lognormal", "weibull"}
    assert tool["fits"][0]["aic"] <= tool["fits"][1]["aic"]
    assert "KS" in fit(recorded, "--tools", out).stdout


def test_data_that_cannot_carry_a_fit_are_2_and_leave_no_file(recorded, tmp_path):
    few = tmp_path / "few.jsonl"
    few.write_text("\n".join(recorded.read_text().splitlines()[:10]) + "\n")
    out = tmp_path / "out.toml"
    done = fit(few, "-o", out, "--tools", tmp_path / "tools.toml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert (
        done.stderr == "Error: 20 messages of m have both out_tokens and llm_s; at least 30 are needed "
        "(sampled times do not count)\n"
    )
    done = fit(recorded, "-o", out, "--min-r2", "0.9999999")
    assert done.exit_code == 2
    assert "Needed: times of a steady server, or --min-r2 0.9" in done.stderr
    assert fit(recorded, "-o", out, "--model", "other").exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few.jsonl"]
    assert fit(tmp_path / "absent.jsonl").exit_code == 3


def test_broken_lines_are_fatal_or_told_of(recorded, tmp_path):
    path = tmp_path / "broken.jsonl"
    path.write_text(recorded.read_text() + "{\n")
    done = fit(path)
    assert done.exit_code == 2
    assert f"{path}:61: broken JSON" in done.stderr
    done = fit(path, "--on-broken", "skip", "-o", tmp_path / "out.toml")
    assert done.exit_code == 4
    assert f"skipped: {path}:61: broken JSON" in done.stderr
    assert load_decoder(str(tmp_path / "out.toml")).itl_s() == pytest.approx(0.02, rel=0.02)


def test_a_table_of_times(tmp_path):
    path, out = tmp_path / "perf_model.csv", tmp_path / "m.toml"
    path.write_text(TABLE)
    done = fit(path, "-o", out, "--model", "m", "--hardware", "gpu", "--tensor-parallel", 1)
    assert done.exit_code == 0
    assert load_decoder(str(out)).ttft_s(768) == pytest.approx(0.2)
    assert run("simulate", PROGRAM, "--decoder", out, "--policy", "sync", "--n", "1").exit_code == 0
    done = fit(path)
    assert done.exit_code == 2
    assert "choose one by --model, --hardware and --tensor-parallel: m on gpu" in done.stderr
    assert "says nothing of tools" in fit(path, "--model", "m", "--tools", out).stderr
    path.write_text(TABLE.replace("300,20", "300,20000"))
    done = fit(path, "--model", "m")
    assert done.exit_code == 2
    assert "perf_model.csv:3: mixed units" in done.stderr


def test_hardware_is_not_in_sessions(recorded):
    done = fit(recorded, "--hardware", "gpu")
    assert done.exit_code == 2
    assert "sessions do not say either" in words(done.stderr)
