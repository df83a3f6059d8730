"""The refiner without a model: picks the sentences that answer the question and tags them.

In: a `RefineRequest`. Out: tagged text in the canonical form; every claim is a sentence of a snippet, word for
word (white space aside). Deterministic, milliseconds. A sentence scores by how much of the question's weight it
and its source hold, by where it stands and how it is worded (language/wording.py). Answers are readable: sentences
of one source together, in its order, no near-repeats; sentences that differ in a number or a negation are no
repeats. Where the evidence holds too few of the question's words, the answer says so and cites nothing; evidence
that is only related is still quoted, and gaps.py names the words that it lacks. Not here: parsing the result
(answer.py), searching (tools/). The constants were chosen on the PubMedQA development questions by
benchmarks/pubmedqa.py.
"""

import re
from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from citerefine.refiner.evidence import Evidence
from citerefine.refiner.language.sentences import sentences
from citerefine.refiner.language.wording import (
    DEFINITION_PRIOR,
    definition_of,
    is_sentence,
    section_prior,
    wording_prior,
)
from citerefine.refiner.language.words import content_stems, count_words, light_stems, name_stems, words
from citerefine.refiner.records import Snippet
from citerefine.refiner.request import RefineRequest
from citerefine.refiner.tags.writer import Citing, write_answer
from citerefine.refiner.validation import NOT_ANSWERED

MAX_SENTENCES: Final = 4
MAX_PER_SOURCE: Final = 3
MAX_SNIPPETS: Final = 40
"""Snippets behind these, in the order given, are not read: evidence comes best first."""
MIN_COVERAGE: Final = 0.4
"""Share of the question's weight that a source must hold to be quoted."""
MIN_HEAVY_WORDS: Final = 1.6
"""How many of a short question's words that are not light a source must hold, about: few words match by chance."""
MAX_COVERAGE: Final = 0.7
"""More than this share is never asked for."""
MIN_SHARE_OF_BEST: Final = 0.6
"""A sentence scoring below this share of the best one is left out."""
MAX_REPEAT: Final = 0.6
"""Token F1 with a chosen sentence of the same source from which on a sentence is a repeat."""
WORDS: Final = (3, 80)
"""Shortest and longest sentence that is quoted, in words."""

_NEGATIONS: Final = frozenset(["no", "not", "never", "neither", "nor", "none", "nothing", "without", "cannot"])
_UNSPACED_NEGATION: Final = re.compile("な[いかくけ]|ません|[不没沒未无無]")
"""How Japanese and Chinese negate; parts of words that do not, such as 未来, only keep a repeat."""
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_NUMBER_WORDS: Final = frozenset(
    ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "half", "all"]
)
_SOURCE_WEIGHT: Final = 1.0
"""How much the source around a sentence counts, against the sentence itself."""
_COMMON_DISCOUNT: Final = 0.5
"""How much less a word weighs that all of the evidence holds."""
_FEW_SNIPPETS: Final = 5
"""With fewer snippets than this, that all hold a word says little."""
_ABSENT_WEIGHT: Final = 1.25
"""What a word weighs that none of the evidence holds: a search for it found nothing."""
_ABSENT_NAME_WEIGHT: Final = 2.0
"""The same for a word that looks like a name: a source that lacks the name is hardly about it."""
_LIGHT_WEIGHT: Final = 0.3
"""What a word weighs that says little by itself."""
_RANK_STEP: Final = 0.03
"""What each rank in the evidence costs."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sentence that may be quoted."""

    text: str
    stems: frozenset[str]
    aliases: tuple[str, ...]
    """Names of the snippets that hold the sentence."""
    works: tuple[str, ...]
    """Sources of these snippets; the first one's place in the answer is the sentence's."""
    stakes: frozenset[str]
    """Its numbers, and whether it negates: sentences that differ here never repeat each other."""
    order: tuple[int, int, int]
    """Where its snippet starts in the source, the snippet's rank, the sentence's place in it."""
    score: float

    @property
    def work(self) -> str:
        """The source that it was chosen for."""
        return self.works[0]


@dataclass(frozen=True, slots=True)
class _Passage:
    alias: str
    snippet: Snippet
    rank: int
    work: str
    coverage: float
    """Share of the question's weight that the passage's source holds in all its passages, in [0, 1]."""


def extract_answer(request: RefineRequest) -> str:
    """The tagged answer: chosen sentences of the evidence, or the sentence that says it does not answer."""
    weights = _weights(request.question, request.evidence)
    floor = _floor(weights)
    passages = (passage for passage in _passages(request.evidence, weights) if passage.coverage >= floor)
    defines = definition_of(request.question)
    chosen = _choose(candidate for passage in passages for candidate in _candidates(passage, weights, defines))
    return _write(chosen) if chosen else write_answer(NOT_ANSWERED)


def _weights(question: str, evidence: Evidence) -> dict[str, float]:
    """Weight of each stem of the question: light words tell less, so does what all evidence holds."""
    read = evidence.snippets[:MAX_SNIPPETS]
    counts = Counter(stem for snippet in read for stem in set(_stems(snippet)))
    weights, names = dict[str, float](), name_stems(question)
    for stem in dict.fromkeys(content_stems(question)):
        share = counts[stem] / max(_FEW_SNIPPETS, len(read))
        absent = _ABSENT_NAME_WEIGHT if stem in names else _ABSENT_WEIGHT
        rarity = 1 - _COMMON_DISCOUNT * share if share else absent
        weights[stem] = rarity * (_LIGHT_WEIGHT if stem in light_stems() else 1.0)
    return weights


def _floor(weights: dict[str, float]) -> float:
    """The share of the question's weight that a source must hold."""
    n_heavy = sum(stem not in light_stems() for stem in weights)
    return min(MAX_COVERAGE, max(MIN_COVERAGE, MIN_HEAVY_WORDS / max(1, n_heavy)))


def _stems(snippet: Snippet) -> list[str]:
    return content_stems(f"{snippet.title or ''} {snippet.text}")


def _coverage(stems: AbstractSet[str], weights: dict[str, float]) -> float:
    return sum(weight for stem, weight in weights.items() if stem in stems) / sum(weights.values())


def _passages(evidence: Evidence, weights: dict[str, float]) -> Iterable[_Passage]:
    read = evidence.snippets[:MAX_SNIPPETS] if weights else ()
    stems: dict[str, set[str]] = {}
    for snippet in read:
        stems.setdefault(snippet.work, set()).update(_stems(snippet))
    coverage = {work: _coverage(held, weights) for work, held in stems.items()}
    for rank, snippet in enumerate(read):
        work = snippet.work
        yield _Passage(evidence.alias(snippet.id), snippet, rank, work, coverage[work])


def _candidates(
    passage: _Passage, weights: dict[str, float], defines: re.Pattern[str] | None
) -> Iterable[_Candidate]:
    snippet = passage.snippet
    prior = section_prior(snippet.section) - _RANK_STEP * passage.rank
    for place, sentence in enumerate(sentences(snippet.text)):
        text = " ".join(sentence.split())
        stems = frozenset(content_stems(text))
        own = _coverage(stems, weights)
        if not own or not WORDS[0] <= count_words(text) <= WORDS[1] or not is_sentence(text):
            continue
        score = (own + _SOURCE_WEIGHT * passage.coverage) * prior * wording_prior(text)
        if defines is not None and defines.match(text):
            score *= DEFINITION_PRIOR
        order = (snippet.start or 0, passage.rank, place)
        yield _Candidate(text, stems, (passage.alias,), (passage.work,), _stakes(text), order, score)


def _stakes(text: str) -> frozenset[str]:
    """The numbers of a sentence, and `not` if it negates."""
    held = words(text)
    negates = any(word in _NEGATIONS or word.endswith(("n't", "n’t")) for word in held)
    negates = negates or (not text.isascii() and _UNSPACED_NEGATION.search(text) is not None)
    return frozenset(_NUMBER.findall(text)) | _NUMBER_WORDS.intersection(held) | ({"not"} if negates else set())


def _choose(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """The best sentences that do not repeat each other, in readable order."""
    ranked = sorted(candidates, key=lambda candidate: -candidate.score)  # stable: evidence comes best first
    chosen: dict[str, _Candidate] = {}
    per_work: Counter[str] = Counter()
    for candidate in ranked:
        same = chosen.get(candidate.text)
        if same is not None:
            if candidate.work not in same.works:
                chosen[same.text] = replace(
                    same, works=same.works + candidate.works, aliases=same.aliases + candidate.aliases
                )
            continue
        if len(chosen) == MAX_SENTENCES or candidate.score < MIN_SHARE_OF_BEST * ranked[0].score:
            continue
        if per_work[candidate.work] < MAX_PER_SOURCE and not any(
            _repeats(candidate, other) for other in chosen.values()
        ):
            chosen[candidate.text] = candidate
            per_work[candidate.work] += 1
    works = list(dict.fromkeys(candidate.work for candidate in chosen.values()))
    return sorted(chosen.values(), key=lambda candidate: (works.index(candidate.work), candidate.order))


def _repeats(candidate: _Candidate, chosen: _Candidate) -> bool:
    """Whether a sentence says no more than a chosen one: another source repeats it only in the same words."""
    if candidate.stakes != chosen.stakes:
        return False
    if candidate.work != chosen.work:
        return candidate.stems == chosen.stems
    one_word_swapped = len(candidate.stems - chosen.stems) == len(chosen.stems - candidate.stems) == 1
    return _overlap(candidate.stems, chosen.stems) >= MAX_REPEAT and not one_word_swapped


def _overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """F1 of two sets of stems."""
    return 2 * len(first & second) / (len(first) + len(second)) if first and second else 0.0


def _write(chosen: list[_Candidate]) -> str:
    """One paragraph a source, each sentence in its tag."""
    parts, claims, at, work = list[str](), list[Citing](), 0, chosen[0].work
    for candidate in chosen:
        gap = "" if not parts else " " if candidate.work == work else "\n\n"
        work = candidate.work
        parts.append(gap + candidate.text)
        claims.append(Citing(at + len(gap), at + len(parts[-1]), candidate.aliases))
        at += len(parts[-1])
    return write_answer("".join(parts), claims)
