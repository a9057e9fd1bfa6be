"""Tables of measured times: the decoder that comes with the package is what the real file gives; units must agree."""

from pathlib import Path

import pytest

from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.fit_samples import FitError
from asyncfc_sim.simulate.perf_table import chosen_rows, is_perf_table, read_perf_table, table_decoder
from asyncfc_sim.traces.importers.source import ImportFault, Source

SPLITWISE = Path(__file__).parents[2].parent / "shared" / "data" / "splitwise-sim" / "perf_model.csv"
HEADER = "model,hardware,prompt_size,batch_size,token_size,prompt_time,token_time,e2e_time,tensor_parallel"
# Prefill 100 ms and 300 ms; a token 20 ms alone, 25 ms beside another.
ROWS = ["m,gpu,512,1,100,100,20,2080,1", "m,gpu,1024,1,100,300,20,2280,1", "m,gpu,512,2,100,150,25,2600,1"]

needs_splitwise = pytest.mark.skipif(not SPLITWISE.is_file(), reason="real data are not beside the checkout")


def table(tmp_path, *rows, header=HEADER, broken="fail"):
    path = tmp_path / "perf.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return Source(str(path), broken)


def decoder_of(source):
    return table_decoder(chosen_rows(read_perf_table(source), None, None, None), name="x", source="made")


def test_a_table_becomes_curves_in_seconds(tmp_path):
    decoder = decoder_of(table(tmp_path, *ROWS))
    assert [decoder.ttft_s(tokens) for tokens in (512, 768, 1024, 1536)] == pytest.approx([0.1, 0.2, 0.3, 0.5])
    assert [decoder.itl_s(batch) for batch in (1, 2, 3)] == pytest.approx([0.02, 0.025, 0.03])
    assert {quantity.provenance for _, quantity in decoder.ttft.points} == {"measured"}


def test_a_row_that_stands_there_twice_counts_once(tmp_path):
    decoder = decoder_of(table(tmp_path, *ROWS, ROWS[0], "m,gpu,512,1,100,200,20,2180,1"))
    assert decoder.ttft_s(512) == pytest.approx(0.15)
    assert decoder.ttft.points[0][1].n == 2


def test_what_was_measured_once_is_constant_and_what_falls_is_not_carried_on(tmp_path):
    assert decoder_of(table(tmp_path, ROWS[0])).ttft.slope.provenance == "assumed"
    falling = decoder_of(table(tmp_path, ROWS[1], "m,gpu,2048,1,100,200,20,2180,1"))
    assert falling.ttft.slope.value == 0
    assert falling.ttft.slope.note.startswith("set to 0: the last segment falls")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("m,gpu,512,1,100,100,3000,2080,1", "mixed units: prompt_time 100 and 100 x token_time 3000 do not make"),
        ("m,gpu,512,1,100,100,0.02,2080,1", "mixed units: token_time is 0.02, expected milliseconds"),
        ("m,gpu,512,1,100,0.1,20,2080,1", "mixed units: prompt_time 0.1"),
        ("m,gpu,512,1,100,100,20,2080000,1", "mixed units: .* do not make e2e_time 2.08e\\+06"),
        ("m,gpu,512,1,100,-1,20,2080,1", "prompt_time is -1; expected a number that is not negative"),
        ("m,gpu,512,1,100,nan,20,2080,1", "prompt_time is nan"),
        ("m,gpu,512,1,100,fast,20,2080,1", "prompt_time is 'fast'; expected a number"),
        ("m,gpu,512,0,100,100,20,2080,1", "batch_size is 0; expected a whole number above 0"),
        ("m,gpu,512,1.5,100,100,20,2080,1", "batch_size is 1.5"),
        ("m,gpu,512", "batch_size is None; expected a number"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_line_or_told_of(tmp_path, row, why):
    with pytest.raises(ImportFault, match=rf"perf\.csv:3: {why}"):
        read_perf_table(table(tmp_path, ROWS[0], row))
    source = table(tmp_path, ROWS[0], row, broken="skip")
    assert len(read_perf_table(source)) == 1
    assert len(source.faults) == 1


def test_a_table_that_lacks_a_column_or_has_no_row_is_refused(tmp_path):
    with pytest.raises(FitError, match=r"perf\.csv:1: no column tensor_parallel, e2e_time; a table of times has"):
        read_perf_table(table(tmp_path, header=HEADER.partition(",e2e_time")[0]))
    with pytest.raises(FitError, match="no row in it"):
        read_perf_table(table(tmp_path))
    assert is_perf_table(table(tmp_path))
    assert not is_perf_table(table(tmp_path, header="TIMESTAMP,ContextTokens,GeneratedTokens"))


def test_one_system_must_be_meant(tmp_path):
    rows = read_perf_table(table(tmp_path, *ROWS, "m,gpu,512,1,100,60,15,1545,2"))
    with pytest.raises(
        FitError, match=r"several systems; .*: m on gpu, tensor parallel 1; m on gpu, tensor parallel 2"
    ):
        chosen_rows(rows, "m", None, None)
    with pytest.raises(FitError, match="no such system"):
        chosen_rows(rows, "n", None, None)
    assert len(chosen_rows(rows, None, None, 2)) == 1
    with pytest.raises(FitError, match="nothing was measured at batch 1"):
        table_decoder([row for row in rows if row.batch_size == 2], name="x", source="made")


@needs_splitwise
def test_the_real_file_gives_the_decoder_that_comes_with_the_package():
    rows = read_perf_table(Source(str(SPLITWISE)))
    found = table_decoder(chosen_rows(rows, "llama2-70b", "h100-80gb", 8), name="x", source="made")
    known = load_decoder("llama2-70b-h100")
    for one, other in ((found.ttft, known.ttft), (found.itl, known.itl)):
        assert [(at, point.n) for at, point in one.points] == [(at, point.n) for at, point in other.points]
        for (_, point), (_, expected) in zip(one.points, other.points, strict=True):
            assert point.value == pytest.approx(expected.value, rel=2e-3)
        assert one.slope.value == pytest.approx(other.slope.value, rel=2e-3)


@needs_splitwise
@pytest.mark.parametrize(
    ("model", "hardware", "prompt_ms", "token_ms"),
    [
        ("llama2-70b", "h100-80gb", [55, 137, 848], 30),
        ("llama2-70b", "a100-80gb", [94, 274, 1544], 45),
        ("bloom-176b", "h100-80gb", [77, 258, 1530], 36),
    ],
)
def test_the_published_times_are_found_in_the_real_file(model, hardware, prompt_ms, token_ms):
    rows = chosen_rows(read_perf_table(Source(str(SPLITWISE))), model, hardware, 8)
    decoder = table_decoder(rows, name="x", source="made")
    assert [1000 * decoder.ttft_s(tokens) for tokens in (512, 2048, 8192)] == pytest.approx(prompt_ms, abs=0.6)
    assert 1000 * decoder.itl_s() == pytest.approx(token_ms, rel=0.02)
