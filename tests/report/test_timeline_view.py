"""The terminal timeline: the same scale for all runs, no line too long, nothing said by colour alone."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from asyncfc_sim.report.canvas import GLYPHS
from asyncfc_sim.report.timeline_view import render_timelines
from asyncfc_sim.traces.trace import Header, Run
from tests.trace_examples import async_run, issue, long_run, random_runs, recorder, start, sync_run, troubled_run


def shown(runs, width=100, encoding="utf-8", **options):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    Console(file=out, width=width, color_system=None, legacy_windows=False).print(render_timelines(runs, **options))
    out.flush()
    return out.buffer.getvalue().decode(encoding).splitlines()


def test_the_two_lookups_look_like_this():
    assert "\n".join(shown([sync_run(), async_run()])) == PICTURE


PICTURE = """\
two_lookups, seed 7, decoder gpt-4o, grace 0.0

sync  7.09 s
  decoder                              ▒▒▒███··············▒▒███·············▒▒▒██·▒▒████    3.24 s
  f1 search(query="population of Berl…       ━━━━━━━━━━━━━━                                  2.00 s
  f2 search(query="population of Pari…                          ━━━━━━━━━━━━━                1.80 s
  f3 add(a=3700000, b=2100000)                                                    ━         50.0 ms

asyncfc  4.31 s, saved 2.78 s (39 %), speed-up 1.65x
  overlap: tool||tool 1.22 s + decode||tool 2.12 s; 0.56 s more decoding
  decoder                              ▒▒▒███▒▒███▒▒▒███▒▒█····▒▒▒███                        3.80 s
  f1 search(query="population of Berl…       ━━━━━━━━━━━━━━                                  2.00 s
  f2 search(query="population of Pari…            ━━━━━━━━━━━━━                              1.80 s
  f3 add(a=$f1.items[0].population, b…                  ┄┄┄┄┄┄┄━                            50.0 ms

                                       ┴─────────────┴─────────────┴─────────────┴───────
                                       0 s           2             4             6
  ▒▒ prefill   ██ decode   ·· wait   ┄┄ queued   ━━ running
  beside the bars: time decoding, time running"""


@pytest.mark.parametrize("width", [20, 33, 50, 80, 100, 120, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_no_line_is_longer_than_the_width(width, encoding):
    for runs in ([sync_run(), async_run()], [troubled_run()], [long_run()], [], [recorder("empty").run()]):
        lines = shown(runs, width, encoding)
        assert lines
        assert max(map(cell_len, lines)) <= width


@given(st.lists(random_runs(), max_size=2), st.integers(1, 130))
def test_no_line_is_longer_than_the_width_whatever_happened(runs, width):
    assert max(map(cell_len, shown(runs, width))) <= width


def test_a_width_can_be_asked_for():
    out = io.StringIO()
    Console(file=out, width=100).print(render_timelines([sync_run()], 60))
    lines = out.getvalue().splitlines()
    assert 55 <= max(map(cell_len, lines)) <= 60


def test_both_runs_have_one_scale():
    lines = shown([sync_run(), async_run()])
    bars = [line for line in lines if line.startswith("  f1 ")]
    assert bars[0].count("━") == bars[1].count("━")  # the same 2.0 s
    assert bars[0].index("━") == bars[1].index("━")
    decoders = [line for line in lines if line.startswith("  decoder")]
    ends = [max(line.rindex(glyph) for glyph in "█·▒") for line in decoders]
    start_of_bars = decoders[0].index("▒")
    assert (ends[1] + 1 - start_of_bars) / (ends[0] + 1 - start_of_bars) == pytest.approx(4.31 / 7.09, abs=0.02)


def test_the_slower_of_two_is_said_to_lose():
    (line,) = [line for line in shown([as_policy(async_run(), "sync"), sync_run_as("asyncfc")]) if "lost" in line]
    assert line == "asyncfc  7.09 s, lost 2.78 s (65 %), speed-up 0.61x"


def as_policy(run, policy):
    return Run(Header(run="r", source="simulate", policy=policy, case=run.header.case, seed=7), run.events)


def sync_run_as(policy):
    return as_policy(sync_run(), policy)


def test_failures_are_seen_without_colour():
    lines = shown([troubled_run()])
    rows = {line.split()[0]: line for line in lines if line.startswith("  f")}
    for future, word in (("f1", "failed"), ("f2", "poisoned"), ("f3", "timeout"), ("f4", "cancelled")):
        assert rows[future].endswith(word)
        assert "✗" in rows[future]
    assert rows["f5"].endswith("open")
    assert "━" not in rows["f2"]  # it never ran
    assert "╌" in rows["f3"]  # in doubt, it may still act
    legend = " ".join(lines[-2:])
    assert "✗✗ no value" in legend
    assert "╌╌ given up, still running" in legend


def test_every_state_has_its_own_glyph_in_either_alphabet():
    for alphabet in ("unicode", "ascii"):
        glyphs = [getattr(glyph, alphabet) for glyph in GLYPHS.values()]
        assert len(set(glyphs)) == len(glyphs)
        assert all(cell_len(glyph) == 1 for glyph in glyphs)


def test_an_output_that_knows_only_ascii_gets_ascii():
    run = recorder("asyncfc", case="Größe")
    issue(run, 0.0, 1, "tool", {"query": "münchen 東京"}, 1)
    start(run, 0.0, 1, "tool", {})
    run.record((1.0, "finish", {"future": 1, "value": "ü"}))
    text = "\n".join(shown([run.run()], encoding="ascii"))
    assert 'tool(query="m?nchen ??")' in text
    assert "===" in text


def test_text_of_a_model_cannot_move_the_cursor_or_colour_the_screen():
    run = recorder("asyncfc", case="a\x1b[2Jb\nc [bold]d[/bold]")
    issue(run, 0.0, 1, "t\x1b[31m", {"a\u202e": "\x07\x9b[bold]"}, 1)
    run.record((1.0, "finish", {"future": 1, "value": None}))
    text = "\n".join(shown([run.run()]))
    assert not set("\x1b\x07\x9b\u202e") & set(text)
    assert "[bold]" in text


def test_wide_characters_do_not_push_the_bars():
    run = recorder("asyncfc")
    for future, text in ((1, "東京" * 30), (2, "ascii " * 20), (3, "🙂" * 40)):
        issue(run, 0.0, future, "t", {"q": text}, 1)
        start(run, 0.0, future, "t", {})
        run.record((0.0, "access", {"future": future, "mode": "r", "key": "k"}))
    run.record((1.0, "answer", {}))
    rows = [line for line in shown([run.run()]) if line.startswith("  f")]
    assert len({cell_len(row[: row.index("━")]) for row in rows}) == 1


def test_of_many_calls_the_first_are_shown_and_the_rest_counted():
    lines = shown([long_run(40)], max_calls=10)
    assert sum(line.startswith("  f") for line in lines) == 10
    assert "  and 30 more calls (f11 to f40), running 15.00 s" in lines
    assert len(shown([long_run(40)])) < 30
    assert not any("more call" in line for line in shown([long_run(40)], max_calls=40))
    assert any("(f40), running" in line for line in shown([long_run(40)], max_calls=39))


def test_a_failure_among_the_calls_not_shown_is_named():
    lines = shown([troubled_run()], max_calls=0)
    assert "and 5 more calls (f1 to f5), running 7.20 s; f1 failed, f2 poisoned, f3 timeout" in "\n".join(lines)


def test_a_call_shorter_than_a_cell_is_still_seen():
    run = recorder("sync")
    for future, t in ((1, 0.0), (2, 99.9999)):
        issue(run, t, future, "t", {}, 1)
        start(run, t, future, "t", {})
        run.record((t + 0.0001, "finish", {"future": future, "value": None}))
    run.record((100.0, "answer", {}))
    rows = [line for line in shown([run.run()]) if line.startswith("  f")]
    assert [row.count("━") for row in rows] == [1, 1]


def test_inputs_that_all_runs_share_stand_above_the_others_beside_their_run():
    def run(grace):
        made = recorder("asyncfc", inputs={"decoder": "gpt-4o", "grace": grace, "tools": {"not": "shown"}})
        made.record((1.0, "answer", {}))
        return made.run()

    lines = shown([run(0), run("auto")])
    assert lines[0] == "two_lookups, seed 7, decoder gpt-4o"
    assert [line for line in lines if line.startswith("asyncfc")] == [
        "asyncfc (grace 0)  1.00 s",
        "asyncfc (grace auto)  1.00 s",
    ]


def test_runs_of_two_cases_have_a_title_each():
    lines = shown([sync_run(), troubled_run()])
    assert sum("seed 7" in line for line in lines) == 2
    assert not any("saved" in line or "lost" in line for line in lines)  # not comparable


def test_nothing_to_show_is_said():
    assert shown([]) == ["no runs"]
    assert "nothing was decoded, nothing was called" in "\n".join(shown([recorder("sync").run()]))
