"""What the citations of an answer are worth, and each of its claims.

In: a citation score and the text that it is of. Out: the part of the reward; `ClaimValue`s. Not here: judging
(citerefine.judges.scoring), the formula of the score (citerefine.judges.metric).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from math import fsum
from typing import Literal

from citerefine.judges.citation_score import CitationScore, UnitScore
from citerefine.judges.claim_key import claim_key
from citerefine.judges.units import Unit, split_units
from citerefine.judges.verdict import Verdict
from citerefine.refiner.tags.attributes import read_attributes
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.refiner.tags.tokens import CITING, Tag, Tokenizer
from citerefine.training.rewards.breakdown import ClaimValue
from citerefine.training.rewards.parts import Missing, Scored, code_of, with_codes


def citation_part(score: CitationScore, figure: Literal["score", "f1"]) -> Scored | Missing:
    """The figure that is paid; missing where the score is, since so much was not judged, or nobody can say."""
    value = score.score if figure == "score" else score.f1
    if score.score is not None and value is not None:
        return Scored(value)
    codes = tuple(code_of(verdict.reason) for verdict in _failed(score))
    return Missing(with_codes(score.reason or "not_judged: the figure is not known", codes), codes)


def _failed(score: CitationScore) -> Iterator[Verdict]:
    for unit in score.units:
        verdicts = [unit.verdict, *(citation.verdict for citation in unit.citations)]
        yield from (verdict for verdict in verdicts if verdict is not None and verdict.label is None)


def claim_values(text: str, score: CitationScore) -> tuple[ClaimValue, ...]:
    """The support of each cited stretch of the text; of several sentences in one tag, the mean by content words.

    What is said twice was judged once, and has the same value in both places.

    Args:
        text: the completion as it was written.
        score: of its citations.
    """
    parse, tags = parse_tags(text), _CitingTags(text)
    judged = {claim_key(unit.text): unit for unit in score.units if unit.citations}
    units = [unit for unit in split_units(parse) if unit.ids]
    found, first = list[ClaimValue](), 0
    for span in parse.spans:
        while first < len(units) and units[first].end <= span.start:
            first += 1
        inside, number = list[Unit](), first
        while number < len(units) and units[number].start < span.end:
            inside.append(units[number])
            number += 1
        if inside:
            start, end = tags.around(span.raw_start, span.raw_end)
            found.append(ClaimValue(start=start, end=end, support=_mean(inside, judged)))
    return tuple(found)


class _CitingTags:
    """Where the citing tags of a text stand."""

    def __init__(self, text: str) -> None:
        tokenizer = Tokenizer()
        tokens = [*tokenizer.feed(text), *tokenizer.close()]
        tags = [(token.raw_start, token.raw_end, token.tag) for token in tokens if token.tag is not None]
        citing = [(start, end, tag) for start, end, tag in tags if tag.name in CITING]
        self._text = text
        self._starts, self._ends = [start for start, _, _ in citing], [end for _, end, _ in citing]
        self._opens, self._closes = [_opens(tag) for _, _, tag in citing], [tag.closing for _, _, tag in citing]

    def around(self, start: int, end: int) -> tuple[int, int]:
        """The stretch with the tags that open right before it, and those that close right behind it."""
        before = bisect_right(self._ends, start) - 1
        while before >= 0 and self._opens[before] and not self._text[self._ends[before] : start].strip():
            start, before = self._starts[before], before - 1
        behind, last = bisect_left(self._starts, end), len(self._starts)
        while behind < last and self._closes[behind] and not self._text[end : self._starts[behind]].strip():
            end, behind = self._ends[behind], behind + 1
        return start, end


def _opens(tag: Tag) -> bool:
    return not tag.closing and not read_attributes(tag.attributes).empty


def _mean(units: Sequence[Unit], judged: dict[str, UnitScore]) -> float | None:
    values = [judged[unit.key].support if unit.key in judged else None for unit in units]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    weights = [max(1, unit.n_content) for unit in units]
    total = fsum(weight * value for weight, value in zip(weights, known, strict=True)) / sum(weights)
    return min(1.0, total)
