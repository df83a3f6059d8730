"""Turns a judge string into a support judge.

In: `lexical`, `openai:NAME@BASE_URL`, `vllm:PATH_OR_NAME`, `hf:PATH_OR_NAME`, `cascade:` before one of these models,
or `table:LABELS.jsonl`. Out: a `SupportJudge`. What a kind of judge needs is imported when one is loaded; nothing is
connected, and no model read, before its first use. Not here: the judges themselves.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from citerefine.judges.judge import SupportJudge
from citerefine.refiner.errors import ModelError

JUDGES: Final = {
    "lexical": "words, numbers, names and negation in common; needs no model",
    "openai:NAME@BASE_URL": "a chat model behind any OpenAI-compatible server",
    "vllm:PATH_OR_NAME": "a chat model in this process with vLLM (extra vllm)",
    "hf:PATH_OR_NAME": "a sequence-classification model (NLI) in this process with transformers (extra train)",
    "cascade:MODEL": "MODEL, one of the three forms above; what has next to no words of its evidence is `none` unasked",
    "table:LABELS.jsonl": "labels that people gave: rows with claim, snippet or snippets (ids), and label",
}
"""Form of a judge string → what it names."""


def _lexical() -> SupportJudge:
    from citerefine.judges.lexical.lexical_judge import LexicalJudge

    return LexicalJudge()


def _table(path: str) -> SupportJudge:
    from citerefine.judges.label_table import load_label_table

    return load_label_table(Path(path))


def _chat(name: str) -> SupportJudge:
    from citerefine.judges.chat.chat_judge import ChatJudge

    return ChatJudge(name)


def _nli(name: str) -> SupportJudge:
    from citerefine.judges.nli_judge import NliJudge

    return NliJudge(name)


_MODELS: Final[dict[str, Callable[[str], SupportJudge]]] = {"openai": _chat, "vllm": _chat, "hf": _nli}


def load_support_judge(name: str, *, cache: Path | None = None) -> SupportJudge:
    """The support judge of this string.

    Args:
        name: one of the forms in `JUDGES`.
        cache: file in which verdicts of a model are kept (verdict_cache.py), so that no query is paid twice; judges
            without a model need none.

    Raises:
        ModelError: if the string names no judge, or needs a package that is not installed.
        InputError: if the table of labels or the cache cannot be read, or the cascade's thresholds were fitted for
            another lexical judge.
    """
    kind, _, rest = name.partition(":")
    if name == "lexical":
        return _lexical()
    if kind == "table" and rest.strip():
        return _table(rest)
    if kind == "cascade":
        from citerefine.judges.cascade.cascade_judge import CascadeJudge

        return CascadeJudge(_lexical(), _model(rest, name, cache))
    return _model(name, name, cache)


def _model(name: str, asked: str, cache: Path | None) -> SupportJudge:
    kind, colon, rest = name.partition(":")
    if not colon or kind not in _MODELS or not rest.strip():
        raise ModelError(f"no judge is called {asked!r}; a judge is one of: {', '.join(JUDGES)}")
    judge = _MODELS[kind](name)
    if cache is None:
        return judge
    from citerefine.judges.verdict_cache import CachedJudge

    return CachedJudge(judge, cache)
