"""`transformers serve` as it is, with two things added from outside. Runs where torch and transformers are installed.

    python launcher.py about DEVICE      what the device is, and which versions would serve it, as JSON
    python launcher.py serve FOLDER ...  as `transformers serve FOLDER ...`; ends when its standard input does

Weights. A folder without weights is served with random ones, drawn on the device when the server starts.

Scripted words. A request may hold `scripted`, a text. The engine works as always, token by token: queue, prefill,
cache, batch, kernels, sampling, stream. Only what is recorded as the token that was chosen is the next one of the text.
So the words are ours, and how long they take is the engine's. Only with --continuous-batching.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import torch
import transformers

SCRIPTS: dict[str, list[int]] = {}  # by request


def about(device: str) -> dict[str, Any]:
    """The name of a device, the bytes that are free on it, and versions."""
    where = torch.device(device)
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    if where.type == "cpu":
        return {"name": "cpu", "free": os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), **versions}
    if where.type != "cuda" or not torch.cuda.is_available():
        sys.exit(f"{device}: there is no such device for this torch ({torch.__version__})")
    with torch.cuda.device(where):
        return {"name": torch.cuda.get_device_name(), "free": torch.cuda.mem_get_info()[0], **versions}


def serve_random_weights() -> None:
    """A model whose folder has no weights is made, not loaded."""
    from transformers.cli.serving.model_manager import ModelManager

    load = ModelManager._load_model

    def load_or_make(self: Any, model: str, *args: Any, **options: Any) -> Any:
        folder = Path(model.partition("@")[0])
        if any(folder.glob("*.safetensors")):
            return load(self, model, *args, **options)
        config = transformers.AutoConfig.from_pretrained(folder)
        torch.manual_seed(0)
        with torch.device(self.device):
            made = transformers.AutoModelForCausalLM.from_config(
                config, dtype=config.dtype, attn_implementation=self.attn_implementation
            )
        made.generation_config = transformers.GenerationConfig.from_pretrained(folder)
        return made.eval()

    ModelManager._load_model = load_or_make


def follow_scripts() -> None:
    """`scripted` is taken from a request, and its tokens are what its answer consists of."""
    from transformers.cli.serving.chat_completion import ChatCompletionHandler
    from transformers.generation.continuous_batching.requests import RequestState

    handle, update = ChatCompletionHandler.handle_request, RequestState.update_and_check_completion

    async def handle_scripted(self: Any, body: dict[str, Any], request: str) -> Any:
        words = body.pop("scripted", None)
        if words is not None:
            processor = self._resolve_model(body)[2]
            tokenizer = getattr(processor, "tokenizer", processor)
            SCRIPTS[request] = [*tokenizer.encode(words, add_special_tokens=False), tokenizer.eos_token_id]
        return await handle(self, body, request)

    def update_scripted(self: Any, token: int, *rest: Any) -> bool:
        script = SCRIPTS.get(self.request_id)
        if script is None:
            return bool(update(self, token, *rest))
        # A request that had to make room for others has its earlier tokens in its prompt.
        before = len(self.initial_tokens) - self._true_initial_tokens if self._true_initial_tokens else 0
        ended = bool(update(self, script[before + len(self.generated_tokens)], *rest))
        if ended:
            del SCRIPTS[self.request_id]
        return ended

    ChatCompletionHandler.handle_request = handle_scripted
    RequestState.update_and_check_completion = update_scripted


def end_with_stdin() -> None:
    """Whoever started this may die in any way; nothing is left running, and no memory of the device is held."""

    def wait() -> None:
        while sys.stdin.buffer.read(1):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    match sys.argv[1:]:
        case ["about", device]:
            print(json.dumps(about(device)))
        case ["serve", *_]:
            from transformers.cli.transformers import app

            serve_random_weights()
            follow_scripts()
            end_with_stdin()
            app()
        case _:
            sys.exit("expected: about DEVICE | serve FOLDER ...")


if __name__ == "__main__":
    main()
