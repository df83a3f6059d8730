"""A support judge that compares words. It needs no model, and takes well under a millisecond a claim.

In: queries. Out: verdicts: how much of the claim's words stand together in the evidence, the nearest sentences, the
words that are missing, and what looks wrong. Markup (markup.py) and addresses (addresses.py) are no words. Every
sentence of a claim must be supported: the weakest decides. Words tell whether evidence speaks of the same things; they
cannot tell paraphrase from invention, and never whether evidence says the opposite: the judge says `none` where others
say `contradicts`. A policy that is trained against it alone learns to copy. What it is worth: docs/benchmarks.md. Not
here: models (chat/).
"""

from collections.abc import Sequence
from typing import Final

from citerefine.judges.lexical.claim import read_claim
from citerefine.judges.lexical.comparison import Match, compare
from citerefine.judges.lexical.evidence import PreparedSnippets
from citerefine.judges.lexical.words import denies
from citerefine.judges.verdict import EvidenceSpan, Label, SupportQuery, Verdict

VERSION: Final = 2
"""Changes with whatever changes a verdict."""

FULL: Final = 0.46
"""Least score of a fully supported claim. Fitted on 2026-11-25 to the highest mean of balanced accuracy on WiCE dev,
Factcheck-GPT and the three parts of BEGIN dev, with flags; up to 0.5 the mean differs by less than 0.01. Must lie above
`comparison.UNSOUND`."""

PARTIAL: Final = 0.3
"""Least score of a claim that is supported in part. Fitted in the same way on WiCE dev and Factcheck-GPT, the sets that
know this label."""

MAX_MISSING: Final = 50
"""Words that an explanation lists."""


class LexicalJudge:
    """Says how far snippets support claims, by their words."""

    asks_at_once = False

    def __init__(self) -> None:
        self.name = f"lexical-{VERSION}"
        self._snippets = PreparedSnippets()

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        """The verdict on each query; each has a label, since nothing can fail."""
        return [self.verdict(query) for query in queries]

    async def aclose(self) -> None:
        """Forgets the snippets that were kept ready."""
        self._snippets.clear()

    def verdict(self, query: SupportQuery) -> Verdict:
        """The verdict on one query, for callers without an event loop. Raises nothing, and may be called by threads.

        `p_supported` is the score: a rank, no probability. A flag (`number`: the claim has one that the evidence has
        not; `name`: the same; `negation`: one denies what the other asserts; `antonym`: the evidence has the opposite
        word) keeps a claim from being fully supported; `order` (words of the evidence that do not stand together as
        they do there: keywords, no statement) from being supported at all. Words behind the claim in its sentence are
        judged with it; a denial around it leaves it without support.
        """
        if not query.context:
            return self._on(query.claim, query)
        before, _, behind = query.context.partition(query.claim or query.context)
        if denies(f"{before} {behind}"):
            found = self._on(query.claim, query)
            return found.model_copy(update={"label": Label.NONE, "flags": (*found.flags, "negation")})
        return self._on(query.claim + behind, query)

    def _on(self, claim: str, query: SupportQuery) -> Verdict:
        snippets = [self._snippets.get(snippet) for snippet in query.snippets]
        matches = [compare(sentence, snippets) for sentence in read_claim(claim)]
        if not matches:  # no letter or digit: nothing is claimed that evidence could support
            return Verdict(label=Label.NONE, p_supported=0.0, judge=self.name)
        score = min(match.score for match in matches)
        flags = tuple(dict.fromkeys(flag for match in matches for flag in match.flags))
        missing = dict.fromkeys(word for match in matches for word in match.missing)
        return Verdict(
            label=_label(score, flags),
            p_supported=score,
            span=_span(matches, query),
            missing=tuple(missing)[:MAX_MISSING],
            flags=flags,
            judge=self.name,
        )


def _label(score: float, flags: Sequence[str]) -> Label:
    if score < PARTIAL or "order" in flags:
        return Label.NONE
    return Label.FULL if score >= FULL and not flags else Label.PARTIAL


def _span(matches: Sequence[Match], query: SupportQuery) -> EvidenceSpan | None:
    """The window that has most of any sentence of the claim."""
    windows = (match.window for match in matches if match.window is not None)
    best = max(windows, key=lambda window: window.weight, default=None)
    if best is None:
        return None
    return EvidenceSpan(snippet=query.snippets[best.snippet].id, start=best.start, end=best.end)
