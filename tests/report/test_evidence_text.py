"""What a run proves and what it saved, as text."""

from asyncfc_sim.core.certificate import Certified
from asyncfc_sim.report.evidence_text import certificate_line, certificate_text, saving_line
from asyncfc_sim.traces.certificates import Certificate, Incomparable
from asyncfc_sim.traces.intervals import Split


def test_a_verdict_says_what_it_leans_on_and_is_one_sided():
    certified = Certificate(Certified(()), 3, 7, unlogged=(2,), given_up=(1, 2, 3, 4))
    assert certificate_line(certified) == (
        "certified: as if its calls had run one by one (3 calls, by a log of 7 accesses; none logged of $f2, taken at "
        "what is declared; $f1, $f2, $f3 and 1 more given up, as they are in order)"
    )
    assert certificate_text(Certificate(Certified(()), 0, 0)) == "no call ran, so none could be out of order"
    other = Certificate(Incomparable((), "it ended early"), 1, 0)
    assert certificate_line(other) == "not certified (which does not mean wrong): it ended early"


def test_what_overlapped_is_told_by_its_parts():
    assert saving_line(Split(4.0, 2.0, 0.25, 1.5)) == (
        "overlapped: 1.75 s (decode||tool 1.50 s, tool||tool 0.25 s) against the same decoding and calls end to end"
    )
