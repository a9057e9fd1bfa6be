"""What a run proves and what it saved, each in a line."""

from __future__ import annotations

from collections.abc import Sequence

from asyncfc_sim.core.certificate import Certified
from asyncfc_sim.traces.certificates import Certificate
from asyncfc_sim.traces.intervals import Split


def saving_line(saved: Split) -> str:
    """How much of a run ran beside something else."""
    return (
        f"overlapped: {saved.saving_s:.2f} s (decode||tool {saved.decode_tool_s:.2f} s, "
        f"tool||tool {saved.tool_tool_s:.2f} s) against the same decoding and calls end to end"
    )


def certificate_line(certificate: Certificate) -> str:
    """The verdict on a run. One-sided: a run that is not certified may be as good."""
    if isinstance(certificate.verdict, Certified):
        return f"certified: as if its calls had run one by one ({certificate_text(certificate)})"
    return f"not certified (which does not mean wrong): {certificate.verdict.why}"


def certificate_text(certificate: Certificate) -> str:
    """How many calls ran, what is known of their effects, and what else the verdict leans on."""
    if not certificate.ran:
        return "no call ran, so none could be out of order"
    text = f"{certificate.ran} call{'' if certificate.ran == 1 else 's'}, "
    if not certificate.accesses:
        text += "by declared footprints"
    else:
        text += f"by a log of {certificate.accesses} access{'' if certificate.accesses == 1 else 'es'}"
    if certificate.unlogged:
        text += f"; none logged of {_calls(certificate.unlogged)}, taken at what is declared"
    if certificate.given_up:
        text += f"; {_calls(certificate.given_up)} given up, as they are in order"
    return text


def _calls(futures: Sequence[int]) -> str:
    rest = len(futures) - 3
    return ", ".join(f"$f{future}" for future in futures[:3]) + (f" and {rest} more" if rest > 0 else "")
