"""The options that verbs which run agents share: which model, which tools, and what changes a policy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .check_request import split_target
from .inject_options import Inject

if TYPE_CHECKING:
    from asyncfc_sim.live.openai_chat import OpenAIChat
    from asyncfc_sim.live.toolset import Given

BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", envvar="OPENAI_BASE_URL", help="of the server, with or without /v1"),
]
ModelName = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="[default: the first that the server has]")
]
ApiKey = Annotated[
    str | None,
    typer.Option("--api-key", metavar="KEY", envvar="OPENAI_API_KEY", show_envvar=True, help="never written anywhere"),
]
Headers = Annotated[list[str] | None, typer.Option("--header", metavar="NAME=VALUE", help="sent with each request")]
ExtraBody = Annotated[
    str | None, typer.Option("--extra-body", metavar="JSON", help="an object; its members are added to each request")
]
Constrain = Annotated[
    bool, typer.Option("--constrain", help="hold the model to well-formed calls of the tools (vLLM; asyncfc grammar)")
]
Tools = Annotated[
    list[str] | None,
    typer.Option("--tools", metavar="FILE.py[:NAME]|mcp:COMMAND|mcp:URL|mcp:NAME", help="may be repeated"),
]
TrustHints = Annotated[bool, typer.Option("--trust-hints", help="believe what remote MCP servers say of their tools")]
Grace = Annotated[str, typer.Option("--grace", help="seconds to wait before a placeholder is given; auto, or inf")]
Delivery = Annotated[str, typer.Option("--delivery", help="when_idle, on_touch or rewrite")]
FailureMode = Annotated[str, typer.Option("--failure", help="poison, barrier or strict")]
MaxRunning = Annotated[int, typer.Option("--max-running", min=1, help="calls under way at once")]
MaxPerTool = Annotated[int, typer.Option("--max-running-per-tool", min=1, help="of them, calls of one tool")]
Retries = Annotated[
    int, typer.Option("--retries", min=0, help="further attempts at failed calls; of idempotent tools only")
]
CallTimeout = Annotated[
    float | None, typer.Option("--call-timeout", min=0, metavar="S", help="of tools that say none [default: none]")
]
Instructions = Annotated[
    str | None, typer.Option("--system", metavar="TEXT", help="what the system prompt begins with")
]


class BadOption(ValueError):
    """An option of a verb that runs agents, or what it names, says nothing that we know."""


LateBound = Annotated[
    bool, typer.Option("--late-bound", help="fill ${f3.total} in the answer in, instead of asking once more")
]


def live_policies() -> tuple[str, ...]:
    """The names of the policies that agents can run under."""
    from asyncfc_sim.core.policy import POLICIES

    return tuple(name for name, policy in POLICIES.items() if policy.live)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the model is served, and how it is asked."""

    base_url: str | None = None
    model: str | None = None
    api_key: str | None = None
    headers: Sequence[str] = ()
    extra_body: str | None = None
    constrain: bool = False

    def chat(self) -> OpenAIChat:
        """A client; nothing is sent yet. Raises BadOption."""
        from asyncfc_sim.live.constraint import constraint
        from asyncfc_sim.live.openai_chat import OpenAIChat

        if not self.base_url and not self.api_key:
            raise BadOption("no model to ask: expected --base-url URL (or OPENAI_BASE_URL), or an --api-key")
        return OpenAIChat(
            self.model,
            base_url=self.base_url,
            api_key=self.api_key,
            headers=self.header_fields,
            extra_body=self.extra_fields,
            body_for=constraint if self.constrain else None,
        )

    @property
    def header_fields(self) -> dict[str, str]:
        """What `--header` names. Raises BadOption."""
        return dict(map(_header, self.headers))

    @property
    def extra_fields(self) -> dict[str, Any]:
        """What `--extra-body` says. Raises BadOption."""
        return _object("--extra-body", self.extra_body)

    @property
    def secrets(self) -> list[str]:
        """What must not stand in anything that is written."""
        from asyncfc_sim.live.endpoint import secrets_in

        return list(filter(None, [self.api_key or "", *secrets_in(self.base_url or "", self.header_fields)]))


@dataclass(frozen=True, slots=True)
class PolicyOptions:
    """What the command line says of a policy, beside its name."""

    grace: str = "auto"
    delivery: str = "when_idle"
    failure: str = "poison"
    max_running: int = 32
    max_running_per_tool: int = 8
    retries: int = 0
    late_bound: bool = False

    def changes(self, policy: str) -> dict[str, Any]:
        """Fields of the policy of this name that are not as it has them. Raises BadOption.

        Where the policy itself runs one call at a time, or waits for all of them, it goes on doing that.
        """
        from asyncfc_sim.core.policy import POLICIES

        _one_of("--delivery", self.delivery, ("when_idle", "on_touch", "rewrite"))
        _one_of("--failure", self.failure, ("poison", "barrier", "strict"))
        changes: dict[str, Any] = {
            "failure": self.failure,
            "retries": self.retries,
            "max_running_per_tool": self.max_running_per_tool,
        }
        if POLICIES[policy].max_running > 1:
            changes["max_running"] = self.max_running
        if POLICIES[policy].grace_s != inf:
            changes |= {"grace_s": grace(self.grace), "delivery": self.delivery, "late_bound": self.late_bound}
        return changes


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRequest:
    """What verbs that run agents are asked alike (see the help texts above)."""

    endpoint: Endpoint
    tools: Sequence[str]
    policy: str
    options: PolicyOptions
    call_timeout_s: float | None
    timeout_s: float | None
    approve: str
    system: str | None
    trust_hints: bool
    inject: Inject
    trace: Path | None
    as_json: bool
    quiet: bool


def secrets(endpoint: Endpoint, tools: Sequence[str]) -> list[str]:
    """What must not stand in anything that is written: of the endpoint, and of the MCP servers that `--tools` names."""
    from .config import current

    servers = [current().mcp_server(spec.removeprefix("mcp:")) for spec in tools if spec.startswith("mcp:")]
    return [*endpoint.secrets, *(secret for server in servers for secret in server.secrets)]


def grace(text: str) -> Any:
    """Seconds, `inf`, or `auto`. Raises BadOption."""
    if text == "auto":
        return text
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if isnan(seconds) or seconds < 0:
        raise BadOption(f"--grace {text!r}: expected seconds, 0 or more, or inf, or auto")
    return seconds


def check_writable(option: str, path: Path | None) -> None:
    """A file that is to be written later has a folder, and is none. Raises BadOption: before the work, not after it."""
    if path is None:
        return
    if not path.parent.is_dir():
        raise BadOption(f"{option} {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise BadOption(f"{option} {path}: expected a file, and this is a folder")


def given_tools(specs: Sequence[str] | None, *, trust_hints: bool = False) -> list[Given]:
    """The tools that `--tools` names. Raises BadOption, ToolFileError, OSError.

    What looks misspelt in the configuration is told on stderr, as far as the tools are known before servers answer.
    """
    from asyncfc_sim.tools.tool_file import ToolFile

    from .config import current, remark

    given = [_given(spec, trust_hints) for spec in specs or ()]
    files = [each for each in given if isinstance(each, ToolFile)]
    if len(files) == len(given):
        remark(current().misnamed([name for file in files for name in file.tools]))
    return given


def _given(spec: str, trust_hints: bool) -> Given:
    if spec.startswith("mcp:"):
        from .config import current

        return current().mcp_server(spec.removeprefix("mcp:"), trust_hints=trust_hints)
    path, name = split_target(spec)
    if not path.endswith(".py"):
        raise BadOption(f"--tools {spec!r}: expected FILE.py, FILE.py:NAME, mcp:COMMAND, mcp:URL or mcp:NAME")
    from asyncfc_sim.tools.tool_file import load_tools

    return load_tools(path, name)


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BadOption(f"--header {text!r}: expected NAME=VALUE")
    return name.strip(), value


def _object(option: str, text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadOption(f"{option}: broken JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadOption(f"{option}: expected a JSON object")
    return found


def _one_of(option: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise BadOption(f"{option} {given!r}: expected one of {', '.join(known)}")
