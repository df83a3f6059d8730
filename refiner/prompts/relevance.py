"""Orders snippets by how much of a question they hold, for choosing what fits a prompt.

In: a question and snippets. Out: their order, most relevant first. A word of the question counts more the fewer
snippets hold it; repeats add nothing; snippets that hold equally much keep the order in which they were found. Not
here: cutting anything.
"""

from collections import Counter
from collections.abc import Sequence
from math import log

from citerefine.refiner.language.words import content_stems, light_stems
from citerefine.refiner.records import Snippet

_LIGHT_WEIGHT = 0.3
"""What a word that says little by itself counts, as in extractive.py."""


def by_relevance(question: str, snippets: Sequence[Snippet]) -> list[Snippet]:
    """The snippets, most relevant first."""
    held = [set(content_stems(f"{snippet.title or ''} {snippet.text}")) for snippet in snippets]
    counts = Counter(stem for stems in held for stem in stems)
    weights = {
        stem: log(1 + len(snippets) / counts[stem]) * (_LIGHT_WEIGHT if stem in light_stems() else 1.0)
        for stem in set(content_stems(question))
        if counts[stem]
    }
    scores = [sum(weight for stem, weight in weights.items() if stem in stems) for stems in held]
    ranked = sorted(range(len(snippets)), key=lambda index: -scores[index])  # stable: ties as found
    return [snippets[index] for index in ranked]
