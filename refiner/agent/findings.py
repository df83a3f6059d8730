"""Tells a planner how far a run has come: what is asked, what was searched for and found, and what may still be spent.

In: `Findings`. Out: the text of a prompt, which is short whatever was found. All that comes from outside is bounded,
escaped and put in in one pass. Of time the limit is told, not what is left of it: a replay takes no time, and would ask
something else than what was recorded. Not here: what a planner is to do with it (planner.py).
"""

import math
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby
from string import Template
from typing import Final, NamedTuple

from citerefine.refiner.agent.state import Part, Searched, SnippetRecord
from citerefine.refiner.protocols import Outcome
from citerefine.refiner.tags.markup import escape_for_prompt

_QUESTION, _REASONING, _EXCERPT, _NAME = 4000, 2000, 200, 60
"""Longest question, reasoning, excerpt and name of a source in a prompt, in code points."""
_RECORDS, _QUERIES, _SOURCES, _IDS = 20, 20, 8, 3
"""Most snippets, queries, sources of a query, and snippets of a part in a prompt."""
_FAILED: Final = {
    Outcome.FAILED.value: "failed",
    Outcome.RATE_LIMITED.value: "takes no more requests",
    Outcome.DISABLED.value: "switched off",
}


class Findings(NamedTuple):
    """What a planner is told."""

    question: str
    records: Sequence[SnippetRecord]
    """All that was found, in order: the first is S1."""
    queries_left: int
    """Most queries that can still be sent out."""
    searches_left: int
    reasoning: str = ""
    parts: Sequence[Part] = ()
    """None: the question is not split yet."""
    asked: Sequence[str] = ()
    """All queries so far."""
    searched: Sequence[Searched] = ()
    """What came of them."""
    fresh: Collection[str] = ()
    """Ids of what the last search found."""
    sources: Sequence[str] = ()
    """Where a query is sent."""
    failed: Sequence[str] = ()
    """Sources that are asked no more."""
    max_seconds: float = math.inf
    """Longest time of the whole run."""
    tokens_left: int | None = None
    """Of the whole run, before this turn; None: they are not bounded."""

    def shown(self) -> dict[int, SnippetRecord]:
        """Number → record of those that are shown: what was found last, then the first ones."""
        numbered = [*enumerate(self.records, 1)]
        newest_first = sorted(numbered, key=lambda one: one[1]["id"] not in self.fresh)
        return dict(sorted(newest_first[:_RECORDS], key=lambda one: one[0]))


def told(findings: Findings) -> str:
    """What a planner is told, as the last message of its prompt."""
    return prompt_template("plan_question").substitute(
        question=escape_for_prompt(findings.question[:_QUESTION]),
        reasoning=escape_for_prompt(findings.reasoning[-_REASONING:]) or "none",
        parts=_lines(_parts(findings)) or "not split yet",
        sources=_lines(_sources(findings)),
        searched=_lines(_searches(findings.searched)) or "nothing yet",
        found=_lines(f"S{number} {_excerpt(record)}" for number, record in findings.shown().items()) or "nothing yet",
        queries=str(findings.queries_left),
        searches=str(findings.searches_left),
        limits=_limits(findings),
    )


@cache
def prompt_template(name: str) -> Template:
    """The template in the file of that name."""
    return Template(files("citerefine.refiner.agent").joinpath(f"{name}.md").read_text("utf-8").strip())


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(map(escape_for_prompt, lines))


def _parts(findings: Findings) -> list[str]:
    numbers = {record["id"]: number for number, record in enumerate(findings.records, 1)}
    lines = []
    for number, part in enumerate(findings.parts, 1):
        evidence = " ".join(f"S{numbers[id]}" for id in part["ids"][:_IDS] if id in numbers)
        lines.append(f"{number}. {part['text']}: {f'covered by {evidence}' if evidence else 'nothing yet'}")
    return lines


def _sources(findings: Findings) -> list[str]:
    failed = [f"{_shortened(name, _NAME)}: failed, is asked no more" for name in findings.failed[:_SOURCES]]
    return [*(_shortened(name, _NAME) for name in findings.sources[:_SOURCES]), *failed]


def _searches(searched: Sequence[Searched]) -> list[str]:
    """One line a query: what each source gave."""
    by_query = [(query, [*searches]) for query, searches in groupby(searched, key=lambda one: one["query"])]
    return [
        f"{_shortened(query, _EXCERPT)} — {'; '.join(map(_outcome, searches[:_SOURCES]))}"
        for query, searches in by_query[-_QUERIES:]
    ]


def _outcome(search: Searched) -> str:
    said = _FAILED.get(search["outcome"]) or f"{search['found']} found, {search['new']} new"
    return f"{_shortened(search['tool'], _NAME)}: {said}"


def _excerpt(record: SnippetRecord) -> str:
    return _shortened(f"{record.get('title') or ''}: {record['text']}".removeprefix(": "), _EXCERPT)


def _shortened(text: str, longest: int) -> str:
    """The text on one line, cut where it is too long."""
    line = " ".join(text[: 4 * longest].split())
    return line if len(line) <= longest and len(text) <= 4 * longest else f"{line[:longest]}…"


def _limits(findings: Findings) -> str:
    time = "" if findings.max_seconds == math.inf else f"The whole run may take {findings.max_seconds:g} seconds."
    if findings.tokens_left is None:
        return time
    return f"{time} Tokens left before this turn, those of the answer included: {findings.tokens_left}.".strip()
