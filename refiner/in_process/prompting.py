"""From a call to the tokens of a prompt, and from what a model wrote to a reply, for models that run in this process.

In: messages and functions, the model's tokenizer. Out: token ids; function calls. A message cannot end its turn or
begin another: what is spelled like one of the model's own control tokens stays text. Not here: writing
(transformers_model.py, vllm_model.py).
"""

import importlib.util
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from citerefine.refiner.chat.call import ChatCall, Message, ToolCall
from citerefine.refiner.errors import CallError, ModelError

_TOOL_CALL: Final = re.compile(r"<tool_call>\s*(\{.*?\})\s*</tool_call>", re.DOTALL)


def check_installed(package: str, extra: str, name: str) -> None:
    """Raises ModelError if the package that runs the model `name` is not installed."""
    if importlib.util.find_spec(package) is None:
        raise ModelError(f"{name!r} needs {package}, which is not installed: pip install 'citerefine[{extra}]'")


def check_path(path: str, name: str) -> None:
    """Raises ModelError if `path` can only be a folder on disk, and there is none: names of the hub have one `/`."""
    is_folder = path.startswith(("/", "./", "../", "~")) or path.count("/") > 1
    if is_folder and not Path(path).expanduser().is_dir():
        raise ModelError(f"{name!r}: there is no folder {path}; name one that holds config.json and weights")


def prompt_text(tokenizer: Any, call: ChatCall) -> str:
    """The prompt of a call in the model's own chat format, its control tokens as text.

    Raises:
        CallError: if the model has no chat format.
    """
    if not tokenizer.chat_template:
        raise CallError("the model has no chat template; use an instruction-tuned one", "bad_request")
    controls = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    text: str = tokenizer.apply_chat_template(
        [_turn(message, controls) for message in call.messages],
        tools=[{"type": "function", "function": tool.model_dump(mode="json")} for tool in call.tools] or None,
        add_generation_prompt=True,
        enable_thinking=call.thinking,
        tokenize=False,
    )
    return text


def prompt_tokens(tokenizer: Any, call: ChatCall) -> list[int]:
    """The tokens of `prompt_text`. Raises as it does."""
    return list(tokenizer.encode(prompt_text(tokenizer, call), add_special_tokens=False))


def _turn(message: Message, controls: Sequence[str]) -> dict[str, Any]:
    content = message.content
    for token in controls:
        content = content.replace(token, token.replace("<", "&lt;", 1).replace("[", "&#91;", 1))
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _arguments(call)}}
        for call in message.tool_calls
    ]
    return {"role": message.role, "content": content} | ({"tool_calls": calls} if calls else {})


def _arguments(call: ToolCall) -> Any:
    """Templates write an object as JSON, and a string as a string."""
    try:
        return json.loads(call.arguments)
    except ValueError:
        return call.arguments


def check_room(prompt: Sequence[int], context: int) -> None:
    """Raises CallError if the prompt leaves no token for a reply."""
    if len(prompt) >= context:
        raise CallError(
            f"the prompt has {len(prompt)} tokens and the model takes {context}, reply included; shorten the prompt",
            "context_exceeded",
        )


def read_tool_calls(text: str, call: ChatCall) -> tuple[str, tuple[ToolCall, ...]]:
    """`text` without the functions that it calls, in the form of Qwen and Hermes, and these functions.

    What is no JSON object with a name stays text, as does all where the call offered no functions.
    """
    if not call.tools:
        return text, ()
    calls = list[ToolCall]()

    def take(match: re.Match[str]) -> str:
        try:
            value = json.loads(match[1])
        except (ValueError, RecursionError):
            return match[0]
        if not isinstance(value.get("name"), str):
            return match[0]
        arguments = json.dumps(value.get("arguments", {}), ensure_ascii=False)
        calls.append(ToolCall(id=f"call_{len(calls)}", name=value["name"], arguments=arguments))
        return ""

    rest = _TOOL_CALL.sub(take, text)
    return (rest.strip() if calls else text), tuple(calls)
