"""Names of OpenTelemetry's conventions for GenAI spans, as strings: the package of constants has deprecated its own.

For reading, a name is followed by its older ones and by those of instrumentations that have names of their own. What a
future is, no convention says: those names begin with `asyncfc.`.
"""

from __future__ import annotations

from typing import Final

SEMCONV: Final = "genai-2026-11"  # open-telemetry/semantic-conventions-genai, in development

# What a span is: gen_ai.operation.name, or the type of an observation of Langfuse.
OPERATION: Final = "gen_ai.operation.name"
OBSERVATION: Final = "langfuse.observation.type"
CHAT: Final = "chat"
TOOL: Final = "execute_tool"
AGENT: Final = "invoke_agent"
OPERATIONS: Final = {
    "chat": CHAT,
    "text_completion": CHAT,
    "generate_content": CHAT,
    "generation": CHAT,  # Langfuse
    "execute_tool": TOOL,
    "tool": TOOL,  # Langfuse
    "invoke_agent": AGENT,
    "agent": AGENT,  # Langfuse
}

PROVIDER: Final = ("gen_ai.provider.name", "gen_ai.system")
CONVERSATION: Final = ("gen_ai.conversation.id", "session.id", "langfuse.session.id")
AGENT_NAME: Final = ("gen_ai.agent.name", "agent_name")

MODEL: Final = ("gen_ai.response.model", "gen_ai.request.model", "langfuse.observation.model.name")
REQUEST_MODEL: Final = "gen_ai.request.model"
FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"  # seconds
INPUT_TOKENS: Final = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
OUTPUT_TOKENS: Final = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
CACHE_READ: Final = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.input_tokens.cached",
    "gen_ai.usage.details.cache_read_tokens",
)
CACHE_WRITE: Final = (
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.details.cache_write_tokens",
)
# Langfuse's own: the usage as JSON, and the time of the first token as a date in JSON.
USAGE_DETAILS: Final = "langfuse.observation.usage_details"
COMPLETION_START: Final = "langfuse.observation.completion_start_time"

TOOL_NAME: Final = "gen_ai.tool.name"
CALL_ID: Final = "gen_ai.tool.call.id"
# Content, which is recorded only by who asks for it.
CALL_ARGUMENTS: Final = ("gen_ai.tool.call.arguments", "tool_arguments", "langfuse.observation.input")
CALL_RESULT: Final = ("gen_ai.tool.call.result", "tool_response", "langfuse.observation.output")
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
CAPTURE_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"  # an environment variable

ERROR_TYPE: Final = "error.type"

# Ours.
FUTURE: Final = "asyncfc.future.id"
STATE: Final = "asyncfc.future.state"
WAIT: Final = "asyncfc.wait_s"  # between issue and start
OVERLAP: Final = "asyncfc.overlap_s"  # of the tool with decoding
EDGE: Final = "asyncfc.edge"  # of a link from consumer to producer: `data`, `read`, `call` (the message of a call)
UNKNOWN: Final = "asyncfc.unknown"  # fields whose times were not recorded, though a span must have times
PARENT: Final = "asyncfc.parent"  # the session that started this one
PROVENANCE: Final = "asyncfc.provenance"  # of the numbers of the session, as JSON
RECORDS_START: Final = "asyncfc.records.start_unix_nano"  # of the resource: what `arrival_s` counts from
FIELD: Final = "asyncfc."  # then a field of a recorded session that the conventions have no name for: asyncfc.emit_s
