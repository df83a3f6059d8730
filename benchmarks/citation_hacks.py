"""What known tricks earn, and what harmless edits cost: the hack table of docs/metric.md.

In: answers and tricks (lake_answers.py, hacks.py). Out: three tables on standard output, in Markdown. An attack is
compared with the honest answer that it starts from; `plain` is what the same attack gains in a plain F1 per
tag, as in `plain_f1`. Exits with 1 if an attack gains more than MAX_GAIN, or an edit moves a figure by MAX_DRIFT.

All tricks are judged by an oracle that knows what each sentence asserts and each snippet states, so that the formula
is tested alone; tricks with words also by the lexical judge, which can be tricked itself.

    python -m benchmarks.citation_hacks
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from benchmarks.hacks import ATTACKS, BASES, EDITS, FILLER, LIMITS, Row
from benchmarks.lake_answers import SNIPPETS, STATES, plainly

from citerefine.judges import CitationScore, CitedAnswer, Label, LexicalJudge, SupportJudge, TableJudge, ascore
from citerefine.judges.claim_key import claim_key
from citerefine.judges.units import split_units
from citerefine.judges.verdict import SupportQuery
from citerefine.refiner import Evidence, Snippet
from citerefine.refiner.background import run
from citerefine.refiner.tags.scanner import parse_tags

MAX_GAIN: Final = 0.02
MAX_DRIFT: Final = 0.01


@dataclass(frozen=True)
class Oracle:
    """Knows facts: full if the snippets state all of a claim's, partial if at least half, else none."""

    facts: dict[str, frozenset[str]]

    def judge(self) -> SupportJudge:
        known = {claim_key(text): facts for text, facts in self.facts.items()}

        def label(query: SupportQuery) -> Label | None:
            asserted = known.get(claim_key(query.context), known.get(claim_key(query.claim)))
            if asserted is None:
                return None
            stated = asserted & set[str]().union(*(STATES[snippet.id] for snippet in query.snippets))
            if not asserted or 2 * len(stated) < len(asserted):
                return Label.NONE
            return Label.FULL if stated == asserted else Label.PARTIAL

        return TableJudge(label, "oracle")


EVIDENCE: Final = Evidence([Snippet(id=id, text=text) for id, text in SNIPPETS.items()])


def scored(text: str, judge: SupportJudge) -> CitationScore:
    return run(ascore(CitedAnswer(parse_tags(text), EVIDENCE, "How has Lake Orven changed since 1980?"), judge))


def plain_f1(text: str, judge: SupportJudge) -> float:
    """The share of supported ones among tags and the gaps between them; a gap that needs no citation is supported.

    A plain score of the kind that hacks were made for: ids known or not, no merging, no weights, text of the snippets
    taken from the answer where it declares them.
    """
    parse = parse_tags(text)
    units = split_units(parse)
    gaps = len(re.findall(r"</(?:snippet|cite)>\s*[^\w\s<]+\s*(?=<)", text, re.IGNORECASE))
    if not units:
        return 0.0
    values = list[float](map(float, [1] * gaps))
    for unit in units:
        known = [EVIDENCE[id] for id in unit.ids if id in EVIDENCE]
        if known:
            verdict = run(judge.judge([SupportQuery(unit.text, tuple(known))]))[0]
            values.append(verdict.support or 0.0)
        else:
            values.append(float(not unit.ids and unit.n_content < 3) or float(unit.text == FILLER.text))
    return sum(values) / len(values)


class Measured(NamedTuple):
    """What one trick earned."""

    name: str
    base: str
    honest: CitationScore
    attacked: CitationScore
    plain_gain: float

    @property
    def gain(self) -> float:
        """The larger of the gains in F1 and in the training score; a figure that is None gains nothing."""
        pairs = ((self.attacked.f1, self.honest.f1), (self.attacked.score, self.honest.score))
        return max(0.0 if value is None or base is None else value - base for value, base in pairs)

    def __str__(self) -> str:
        honest, attacked = self.honest, self.attacked
        figures = map(figure, (honest.f1, attacked.f1, honest.score, attacked.score))
        return (
            f"| {self.name} | {self.base} | {' | '.join(figures)} | {signed(self.gain)} | {signed(self.plain_gain)} |"
        )


def measure(row: Row) -> list[Measured]:
    base = BASES[row.base]
    made = row.make(base)
    judges: dict[str, SupportJudge] = {row.name: Oracle({one.text: one.facts for one in base} | made.facts).judge()}
    if row.words:
        judges[f"{row.name} (lexical judge)"] = LexicalJudge()
    honest = plainly(base)
    return [
        Measured(
            name,
            row.base,
            scored(honest, judge),
            scored(made.text, judge),
            plain_f1(made.text, judge) - plain_f1(honest, judge),
        )
        for name, judge in judges.items()
    ]


def drift(edit: Callable[[str], str], judge: SupportJudge) -> float:
    """The largest change of F1 and training score over the bases."""
    changes = list[float]()
    for base in BASES.values():
        before, after = scored(plainly(base), judge), scored(edit(plainly(base)), judge)
        changes += [abs((after.f1 or 0) - (before.f1 or 0)), abs((after.score or 0) - (before.score or 0))]
    return max(changes)


def figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def main() -> int:
    """Prints both tables; 1 if a bound is broken."""
    measured = [one for row in ATTACKS for one in measure(row)]
    print("| trick | on | F1 honest | F1 then | score honest | score then | gain | in a plain F1 |")
    print("|---|---|---|---|---|---|---|---|")
    print(*measured, sep="\n")
    print("\n| not defended | on | F1 honest | F1 then | score honest | score then | gain | in a plain F1 |")
    print("|---|---|---|---|---|---|---|---|")
    print(*(one for row in LIMITS for one in measure(row)), sep="\n")
    oracle = Oracle({one.text: one.facts for base in BASES.values() for one in base}).judge()
    drifts = {name: (drift(edit, oracle), drift(edit, LexicalJudge())) for name, edit in EDITS.items()}
    print("\n| harmless edit | drift, oracle | drift, lexical judge |")
    print("|---|---|---|")
    for name, (by_oracle, by_words) in drifts.items():
        print(f"| {name} | {by_oracle:.3f} | {by_words:.3f} |")
    worst, shift = max(one.gain for one in measured), max(map(max, drifts.values()))
    print(f"\nlargest gain {worst:.3f} (bound {MAX_GAIN}), largest drift {shift:.3f} (bound {MAX_DRIFT})")
    return int(worst > MAX_GAIN or shift >= MAX_DRIFT)


if __name__ == "__main__":
    sys.exit(main())
