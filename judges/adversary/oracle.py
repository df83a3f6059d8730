"""Judges that cannot be fooled: they know what each sentence asserts, and what each snippet states.

In: drafts. Out: a support judge and a rubric judge. With them, what an attack earns is the fault of the reward alone.
They read what a reader sees: a sentence that nobody wrote down asserts nothing. Not here: judges with faults.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from citerefine.judges.adversary.drafts import Draft, Said, Topic
from citerefine.judges.adversary.static_oracle import STATIC, Sentence
from citerefine.judges.claim_key import claim_key
from citerefine.judges.rubric.rubric_judge import GradeQuery
from citerefine.judges.rubric.table_rubric_judge import Label as RubricLabel
from citerefine.judges.rubric.table_rubric_judge import TableRubricJudge
from citerefine.judges.table_judge import TableJudge
from citerefine.judges.units import split_units
from citerefine.judges.verdict import Label, SupportQuery
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.rubrics.criterion import Criterion

NAME: Final = "oracle"


def oracle_support(topic: Topic, draft: Draft) -> TableJudge:
    """Full if the snippets state all facts of a claim, partial if at least half, else none."""
    known = _known(topic, draft)

    def label(query: SupportQuery) -> Label:
        found = known.get(claim_key(query.context)) or known.get(claim_key(query.claim))
        if found is None or not found.facts:
            return Label.NONE
        stated = frozenset[str]().union(*(_stated(topic, snippet.id) for snippet in query.snippets))
        missing = found.facts - stated
        if not missing:
            return Label.FULL
        return Label.PARTIAL if 2 * len(missing) <= len(found.facts) else Label.NONE

    return TableJudge(label, NAME)


def _stated(topic: Topic, id: str) -> frozenset[str]:
    return topic.states.get(id, frozenset())


def oracle_rubric(topic: Topic, draft: Draft) -> TableRubricJudge:
    """Met if all facts of a criterion are asserted; a fault is present if any is; not to be told if they are left open.

    To static criteria it says what static_oracle.py does; others have no label.
    """
    known = _known(topic, draft)

    @lru_cache(maxsize=4)  # an answer is asked about once a criterion
    def read(answer: str) -> tuple[Sentence, ...]:
        units = split_units(parse_tags(answer))
        said = (known.get(claim_key(unit.context)) or known.get(unit.key) for unit in units)
        return tuple(Sentence(unit, one, topic.states) for unit, one in zip(units, said, strict=True))

    def label(query: GradeQuery, criterion: Criterion) -> RubricLabel | None:
        facts, sentences = topic.needs.get(criterion.id), read(query.answer)
        if facts is None:
            return _static(criterion, sentences)
        asserted = _facts(one for one in sentences if one.said is not None and not one.said.open)
        if facts & asserted if criterion.is_negative else facts <= asserted:
            return "MET"
        left_open = _facts(one for one in sentences if one.said is not None and one.said.open)
        can_be = facts & left_open if criterion.is_negative else facts <= asserted | left_open
        return "CANNOT_ASSESS" if can_be else "UNMET"

    return TableRubricJudge(label, NAME)


def _static(criterion: Criterion, sentences: Sequence[Sentence]) -> bool | None:
    """“Every …” is met where there is none; any other wording of a merit asks that there be one."""
    meets = STATIC.get(criterion.id)
    if meets is None:
        return None
    empty = not criterion.is_negative and not criterion.text.startswith("Every ") and not _facts(sentences)
    return not empty and meets(sentences)


def _facts(sentences: Iterable[Sentence]) -> frozenset[str]:
    return frozenset[str]().union(*(one.facts for one in sentences))


def _known(topic: Topic, draft: Draft) -> dict[str, Said]:
    """Key of a sentence → what it says; what a draft says of a sentence goes before what the topic does."""
    said = [*topic.sentences.values(), *draft.said]
    return {claim_key(one.text): one for one in said}
