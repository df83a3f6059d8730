"""Has a strong model write criteria for one question, and keeps those that are fit.

In: a question, its evidence, perhaps answers to learn from, a `Writer`. Out: `Generated`: the rubric, and what was
dropped, with the reason. Not here: the model (a writer is handed in), the prompt (prompt.py), reading the reply
(reply.py), the rules (checks.py, citerefine.rubrics.lint).
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.errors import GenerationError, RubricError
from citerefine.rubrics.generation.checks import Unfit, unfit
from citerefine.rubrics.generation.prompt import Prompt, Sample, asked_again, build_prompt
from citerefine.rubrics.generation.reply import Written, read_reply
from citerefine.rubrics.likeness import is_alike, is_mirrored
from citerefine.rubrics.lint import lint
from citerefine.rubrics.loading import read_rubric
from citerefine.rubrics.rubric import Rubric

Writer = Callable[[str, str], Awaitable[str]]
"""From the system and the user text to the reply."""
ATTEMPTS: Final = 2
"""How often the writer is asked: a reply that cannot be read is answered once with the reason."""
MOST: Final = 50
"""Most criteria of one polarity."""


class Dropped(NamedTuple):
    """A criterion that was not kept."""

    polarity: str
    text: str
    code: str
    """A key of `checks.DROPPED`."""
    reason: str


class Generated(NamedTuple):
    """What came of it."""

    rubric: Rubric
    """In the seed's form; without criteria if none was fit."""
    dropped: tuple[Dropped, ...]

    @property
    def native(self) -> dict[str, Any]:
        """`{"positive_rubrics": […], "negative_rubrics": […]}`, as rows of training data hold it."""
        return _native(self.rubric.criteria)


async def generate(
    question: str,
    evidence: Sequence[tuple[str, str]],
    *,
    writer: Writer,
    answers: Sequence[str | Sample] = (),
    existing: Rubric | None = None,
    n_positive: int = 6,
    n_negative: int = 3,
) -> Generated:
    """Criteria for answers to a question.

    Args:
        question: what is asked.
        evidence: snippets, as id and text; the writer sees no ids.
        writer: asks a model.
        answers: several, for criteria on which they differ; with scores where a judge has given them.
        existing: criteria that are there already; none of these is written again.
        n_positive: most of what a good answer has.
        n_negative: most faults.

    Raises:
        GenerationError: if the writer's reply cannot be read, the second one neither.
        RubricError: if the question is blank, or a number is out of its range.
    """
    if not question.strip():
        raise RubricError("the question is blank; criteria need one")
    if not (0 <= n_positive <= MOST and 0 <= n_negative <= MOST and n_positive + n_negative):
        raise RubricError(f"{n_positive} positive and {n_negative} negative criteria; use 0 to {MOST}, not 0 of both")
    samples = [Sample(answer) if isinstance(answer, str) else answer for answer in answers]
    there = existing.leaves if existing else ()
    prompt = build_prompt(question, evidence, samples, there, n_positive, n_negative)
    written = await _asked(writer, prompt)
    ids = [id for id, _ in evidence]
    return _sifted(written, there, ids, [sample.text for sample in samples], n_positive, n_negative)


async def _asked(writer: Writer, prompt: Prompt) -> list[Written]:
    reasons = list[str]()
    for _ in range(ATTEMPTS):
        asked = asked_again(prompt, reasons[-1]) if reasons else prompt
        try:
            return read_reply(await writer(*asked))
        except RubricError as error:
            reasons.append(str(error))
    raise GenerationError(
        f"the writer's reply could not be read, and the next one neither: {'; then: '.join(reasons)}; name a model "
        "that keeps to JSON"
    )


def _sifted(
    written: Iterable[Written],
    there: Sequence[Criterion],
    ids: Sequence[str],
    answers: Sequence[str],
    n_positive: int,
    n_negative: int,
) -> Generated:
    room = {Polarity.POSITIVE: n_positive, Polarity.NEGATIVE: n_negative}
    kept, dropped = list[Criterion](), list[Dropped]()
    for number, one in enumerate(written, 1):
        criterion = one.criterion(f"c{number}")
        why = unfit(one, ids, answers) or _resembles(criterion, [*there, *kept]) or _linted(criterion)
        if why is None and not room[one.polarity]:
            why = Unfit("too_many", f"{n_positive} positive and {n_negative} negative were asked for")
        if why is None:
            room[one.polarity] -= 1
            kept.append(criterion)
        else:
            dropped.append(Dropped(one.polarity.value, one.text, *why))
    return Generated(read_rubric(_native(kept), format="seed"), tuple(dropped))


def _resembles(criterion: Criterion, others: Iterable[Criterion]) -> Unfit | None:
    for other in others:
        if other.key == criterion.key:
            return Unfit("duplicate", "it is there already")
        if is_alike(other, criterion):
            return Unfit("near_duplicate", f"it asks what this one asks: {other.text[:120]}")
        if is_mirrored(other, criterion):
            return Unfit("mirrored", f"it asks the opposite of this one: {other.text[:120]}")
    return None


_OF_THE_WHOLE: Final = ("outweighs", "negative_mass")
"""What lint finds in a rubric as a whole, which one criterion alone always is."""


def _linted(criterion: Criterion) -> Unfit | None:
    for finding in lint(Rubric(criteria=(criterion,))):
        if finding.severity != "note" and finding.code not in _OF_THE_WHOLE:
            return Unfit("lint", f"{finding.code}: {finding.message}")
    return None


def _native(criteria: Iterable[Criterion]) -> dict[str, Any]:
    lists: dict[str, Any] = {"positive_rubrics": [], "negative_rubrics": []}
    for criterion in criteria:
        titled = {"title": criterion.title} if criterion.title else {}
        item = {**titled, "description": criterion.text, "weight": abs(criterion.weight)}
        lists["negative_rubrics" if criterion.is_negative else "positive_rubrics"].append(item)
    return lists
