"""Turns a judge string into a rubric judge.

In: `lexical`, a model string (refiner/models.py), or `table:LABELS.jsonl`; for models, what their calls share. Out: a
`RubricJudge`. What a kind of judge needs is imported when one is loaded; nothing is connected, and no model read,
before its first use. Not here: the judges themselves.
"""

from pathlib import Path
from typing import Any, Final

from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.refiner.chat.budget import Budget, BudgetedModel
from citerefine.refiner.errors import ModelError
from citerefine.refiner.protocols import ChatModel

RUBRIC_JUDGES: Final = {
    "lexical": "words of the criterion that the answer has; needs no model, and is easily fooled",
    "openai:NAME@BASE_URL[,BASE_URL…]": "a chat model behind any OpenAI-compatible servers",
    "vllm:PATH_OR_NAME": "a chat model in this process with vLLM (extra vllm)",
    "hf:PATH_OR_NAME": "a chat model in this process with transformers (extra train)",
    "table:LABELS.jsonl": "labels that people gave: rows with answer, criterion and label",
}
"""Form of a judge string → what it names."""

_MODELS: Final = ("openai", "vllm", "hf")


def load_rubric_judge(
    name: str,
    *,
    journal: Path | None = None,
    budget: Budget | None = None,
    backup: str | None = None,
    **settings: Any,
) -> RubricJudge:
    """The rubric judge of this string.

    Args:
        name: one of the forms in `RUBRIC_JUDGES`.
        journal: file in which the calls of a model and their replies are kept, so that none is paid twice; judges
            without a model need none.
        budget: what the calls of a model and its backup may use together; calls found in the journal cost nothing.
        backup: model string of a model that is asked what the first one came to no verdict on.
        settings: of `ChatRubricJudge`: `votes`, `soft`, `criteria_per_call` and so on.

    Raises:
        ModelError: if the string names no judge, or needs a package that is not installed.
        InputError: if the table of labels or the journal cannot be read, or a setting is out of its range.
    """
    kind, colon, rest = name.partition(":")
    if name == "lexical":
        from citerefine.judges.rubric.lexical.lexical_rubric_judge import LexicalRubricJudge

        return LexicalRubricJudge()
    if kind == "table" and rest.strip():
        from citerefine.judges.rubric.table_rubric_judge import load_table_rubric_judge

        return load_table_rubric_judge(Path(rest))
    if not colon or kind not in _MODELS or not rest.strip():
        raise ModelError(f"no rubric judge is called {name!r}; a judge is one of: {', '.join(RUBRIC_JUDGES)}")
    from citerefine.judges.rubric.chat.chat_rubric_judge import ChatRubricJudge

    second = None if backup is None else _model(backup, journal, budget)
    return ChatRubricJudge(_model(name, journal, budget), backup=second, budget=budget, **settings)


def _model(name: str, journal: Path | None, budget: Budget | None) -> ChatModel:
    from citerefine.refiner.models import load_chat_model

    model = load_chat_model(name)
    if budget is not None:
        model = BudgetedModel(model, budget)
    if journal is None:
        return model
    from citerefine.refiner.chat.journal import JournaledModel

    return JournaledModel(model, journal)
