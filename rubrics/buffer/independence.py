"""Whether two judges, or a judge and a writer, are different models.

In: names of judges and models, as they stand in scores. Out: yes or no. The same model on another server, with another
prompt, seed or precision, is the same model. Not here: whether two models come from one family, which their names do
not tell.
"""

import re
from collections.abc import Sequence
from typing import Final

_MODEL: Final = re.compile(
    r"(?<![\w@])(?:openai|hf|vllm|https?|openrouter|azure|litellm|ollama|sglang|together|local):(?!//)([^@\s,;()]+)",
    re.IGNORECASE,
)
_FORM: Final = re.compile(
    r"""(?: \.(?:gguf|safetensors)
      | [-_.](?: (?:fp|bf|int|nf|nvfp|mxfp)\d{1,2} | w\d{1,2}a\d{1,2} | \d{1,2}[-_.]?bits?
        | i?q\d(?:[-_][0-9a-z]{1,2}){0,2}
        | awq | gptq | autoround | eetq | hqq | exl[23] | mlx | bnb | gguf | onnx | marlin | quant | quanti[sz]ed
        | (?<=\d[-_.]) (?:dynamic|static|block|mixed) ) )\Z""",
    re.VERBOSE,
)
"""How a model's weights are stored, which names say at their end."""


def models_of(name: str) -> frozenset[str]:
    """The models that a name holds, bare (`_bare`); of a judge without model its name."""
    found = _MODEL.findall(name) or [name.partition(" (")[0].partition("@")[0]]
    return frozenset(map(_bare, found))


def are_independent(one: str, other: str, aliases: Sequence[Sequence[str]] = ()) -> bool:
    """Whether no model speaks in both.

    Args:
        one: a name.
        other: another.
        aliases: names of one model each.
    """
    same = [frozenset[str]().union(*map(models_of, names)) for names in aliases]
    return not _also_called(models_of(one), same) & _also_called(models_of(other), same)


def _also_called(models: frozenset[str], same: list[frozenset[str]]) -> frozenset[str]:
    return models.union(*(names for names in same if names & models))


def _bare(model: str) -> str:
    """In lower case, without server, organisation, what stands behind a colon (`:free`), and precision (`-fp8`)."""
    bare = model.strip().rstrip("/").rpartition("/")[2].casefold()
    bare = bare.partition(":")[0] or bare
    while (shorter := _FORM.sub("", bare)) and shorter != bare:
        bare = shorter
    return bare
