"""What `asyncfc run --journal` keeps of its own options, so that `--resume` needs no more than the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from asyncfc_sim.traces.redact import REDACTED

from .agent_options import BadOption
from .check_request import split_target
from .config import on_command_line
from .inject_options import inject_from_json

if TYPE_CHECKING:
    from .run_agent import RunRequest


# What a journal has, and what its run would not be the same without.
_AS_IT_BEGAN: Final = (
    "policy", "grace", "delivery", "failure", "late_bound", "max_running", "max_running_per_tool", "retries", "system",
    "texts", "inject", "inject_scale", "seed",
)  # fmt: skip


def kept(request: RunRequest) -> dict[str, Any]:
    """The options that a journal does not know of otherwise. Never a key, nor what may hold one: headers, and addresses
    with a password or a query."""
    return {
        "base_url": _unless_secret(request.endpoint.base_url or "") or None,
        "tools": [_anywhere(spec) for spec in request.tools],
        "call_timeout_s": request.call_timeout_s,
        "trust_hints": request.trust_hints,
        "extra_body": request.endpoint.extra_body,
        "constrain": request.endpoint.constrain,
        "inject": request.inject.to_json(),
    }


def check_options(ctx: typer.Context) -> None:
    """A run goes on as it began: what would change that is refused, rather than passed over. Raises BadOption."""
    for name in _AS_IT_BEGAN:
        if on_command_line(ctx, name):
            raise BadOption(f"--{name.replace('_', '-')} cannot be given with --resume: a run goes on as it began")


def resumed(request: RunRequest) -> RunRequest:
    """The request to go on with a run: what it does not say is as it was. Raises BadOption, ResumeError, TraceError."""
    from asyncfc_sim.live.plan import read_plan

    assert request.resume is not None
    if request.prompts or request.journal is not None:
        raise BadOption("--resume goes on with a run: its prompts and its journal are known")
    plan = read_plan(request.resume)
    extra, endpoint = plan.extra, request.endpoint
    for key, given in (("base_url", endpoint.base_url), ("extra_body", endpoint.extra_body), ("tools", request.tools)):
        if not given and REDACTED in str(extra.get(key)):
            raise BadOption(
                f"--{key.replace('_', '-')}: it may have held a secret, so the journal lacks it; give it again"
            )
    return replace(
        request,
        endpoint=replace(
            endpoint,
            base_url=endpoint.base_url or extra.get("base_url"),
            model=endpoint.model or plan.model or None,
            extra_body=endpoint.extra_body or extra.get("extra_body"),
            constrain=endpoint.constrain or bool(extra.get("constrain")),
        ),
        policy=plan.policy.name,
        tools=request.tools or tuple(extra.get("tools", ())),
        system=plan.instructions,
        call_timeout_s=request.call_timeout_s if request.call_timeout_s is not None else extra.get("call_timeout_s"),
        trust_hints=request.trust_hints or bool(extra.get("trust_hints")),
        inject=inject_from_json(extra.get("inject")),
        texts=plan.texts,
    )


def _anywhere(spec: str) -> str:
    """A file of tools by its whole path: a run may be resumed from another folder."""
    if spec.startswith("mcp:"):
        return f"mcp:{_unless_secret(spec.removeprefix('mcp:'))}"
    path, name = split_target(spec)
    return str(Path(path).absolute()) + (f":{name}" if name else "")


def _unless_secret(address: str) -> str:
    from asyncfc_sim.live.endpoint import secrets_in

    return REDACTED if secrets_in(address) else address
