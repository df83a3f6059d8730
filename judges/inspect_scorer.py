"""Citation F1 as a scorer of inspect_ai, for its tasks: `Task(…, scorer=citation_f1())`.

In: the state of a sample: the model's message, and its evidence. That is `snippets` or `tool_output` of the sample's
metadata, as in a run row, or else what its tool messages hold: never what a model wrote. Out: inspect_ai's `Score`: F1
as its value, precision, recall and counts in its metadata. What cannot be measured has no value, and says why: it
counts in no mean. inspect_ai is imported when a scorer is made. Not here: scoring (scoring.py), other metrics.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from citerefine.judges.citation_score import CitationScore
from citerefine.judges.imports.reading import read_answer
from citerefine.judges.judge import SupportJudge
from citerefine.judges.loading import load_support_judge
from citerefine.judges.runs.score_row import score_row
from citerefine.judges.scoring import CitedAnswer, ascore
from citerefine.refiner.batch.requests import read_evidence
from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.bridge.inspect_citations import has_citations, openai_parts, read_inspect_content
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.importing.conversation import make_turn
from citerefine.refiner.importing.hits import read_text
from citerefine.refiner.tags.scanner import parse_tags

MISSING: Final = "citation_f1 needs inspect_ai; install it with: pip install inspect-ai"
_COUNTS: Final = ("n_claims", "n_invalid", "n_uncited", "n_failed", "n_abstained", "judge")


def citation_f1(judge: str = "lexical", form: str = "auto") -> Any:
    """A scorer of inspect_ai: how well answers are supported by what they cite.

    Args:
        judge: a string of loading.py; `lexical` needs no model.
        form: how answers without inspect_ai's own citations cite, a key of `imports.reading.FORMS`.

    Raises:
        ImportError: if inspect_ai is not installed.
        ModelError: if the string names no judge.
    """
    return _scorer()(judge, form)


@cache
def _scorer() -> Callable[[str, str], Any]:
    """The factory under the name by which logs of inspect_ai know it."""
    try:
        from inspect_ai.scorer import Score, mean, scorer, stderr
    except ImportError as error:
        raise ImportError(MISSING) from error

    @scorer(metrics=[mean(), stderr()], name="citation_f1")  # type: ignore[untyped-decorator]
    def make(judge: str = "lexical", form: str = "auto") -> Any:
        loaded = load_support_judge(judge)

        async def score(state: Any, target: Any) -> Any:
            return await _score(state, loaded, form, Score)

        return score

    return make  # type: ignore[no-any-return]


async def _score(state: Any, judge: SupportJudge, form: str, make_score: Any) -> Any:
    """The Score of one sample."""
    text = state.output.completion if state.output else ""
    if not text.strip():
        return make_score.unscored(reason="no_response", answer=text, explanation="the model wrote nothing")
    try:
        cited = _cited(state, form)
        score = await ascore(cited, judge)
    except (BadRow, InputError) as error:
        why = f"the sample cannot be read: {error}"
        return make_score.unscored(reason="scoring_failed", answer=text, explanation=why)
    except CallError as error:
        why = f"the judge cannot be asked: {error}"
        return make_score.unscored(reason="grader_failed", answer=text, explanation=why)
    told = {"answer": text, "explanation": _explained(score, cited), "metadata": _figures(score)}
    if score.f1 is None:
        return make_score.unscored(reason=_why_not(score), **told)
    return make_score(value=score.f1, **told)


def _why_not(score: CitationScore) -> str:
    """One word of inspect_ai's for why there is no score, or one of ours; the explanation says more."""
    return "grader_failed" if score.n_failed else "abstained" if score.n_abstained else "scoring_failed"


def _cited(state: Any, form: str) -> CitedAnswer:
    """The answer as it was read. Raises BadRow or InputError."""
    evidence, content = _evidence(state), state.output.message.content
    question = state.input_text
    if not has_citations(content):
        read = read_answer(state.output.completion, evidence, form)
        return CitedAnswer(read.parse, evidence, question)
    if (parts := openai_parts(content)) is not None:
        return CitedAnswer(read_answer(parts, evidence, "url_citation").parse, evidence, question)
    raw = read_inspect_content(content, evidence or Evidence()).raw
    return CitedAnswer(parse_tags(raw), evidence, question)


def _evidence(state: Any) -> Evidence | None:
    """What may be cited; None if the sample does not say, and no tool was called. Raises BadRow."""
    metadata: Mapping[str, Any] = state.metadata or {}
    given = {name: metadata[name] for name in ("snippets", "tool_output") if metadata.get(name) is not None}
    if given:
        return read_evidence(given)
    results = [one for one in state.messages if one.role == "tool" and one.error is None]
    if not results:
        return None
    return Evidence(make_turn("", "", [read_text(one.text, one.function) for one in results]).snippets)


def _figures(score: CitationScore) -> dict[str, Any]:
    names = ("precision", "recall", "f1", *_COUNTS)
    return {name: getattr(score, name) for name in names}


def _explained(score: CitationScore, cited: CitedAnswer) -> str:
    """Why each claim counts as it does, in words, and why figures are missing."""
    units = score_row(score, cited, None).units
    lines = [f"{' '.join(unit.text.split())} [{', '.join(unit.ids)}]: {unit.explanation}" for unit in units]
    return "\n".join([*([score.reason] if score.reason else []), *lines])
