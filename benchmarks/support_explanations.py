"""How well a judge explains itself: does it point at the evidence, does it name the words that have none?

In: WiCE's pages with gold sentences, its claims with a label for each word; a way to ask the judge. Out: figures by
name; those that the judge gives no spans or words for are left out. Not here: agreement (support_agreement.py).
"""

import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.support_sets import SEED, PageClaim, TokenLabels, read_pages, read_tokens

from citerefine.judges.verdict import SupportQuery, Verdict
from citerefine.refiner.language.words import content_words
from citerefine.refiner.records import Snippet

Ask = Callable[[Sequence[SupportQuery]], Sequence[Verdict]]

_GAP = "\n\n"


def measure_explanations(folder: Path, ask: Ask, sample: int | None = None) -> dict[str, float]:
    """Figures of spans and of missing words."""
    pages, tokens = read_pages(folder)[:sample], read_tokens(folder)[:sample]
    return {
        **_spans(pages, ask),
        **_missing_words(tokens, [row.page for row in tokens], ask, "in the whole page"),
        **_missing_words(tokens, [row.gold for row in tokens], ask, "in the gold sentences"),
    }


def _spans(pages: Sequence[PageClaim], ask: Ask) -> dict[str, float]:
    """Whether the span that the judge names in a whole page has a gold sentence, beside a random span as long."""
    chance = random.Random(SEED)
    verdicts = ask([SupportQuery(one.claim, (Snippet(text=_GAP.join(one.page)),)) for one in pages])
    hits, guesses, sizes, gold_shares = list[bool](), list[float](), list[int](), list[float]()
    for page, verdict in zip(pages, verdicts, strict=True):
        if verdict.span is None:
            continue
        inside = _sentences(page.page, verdict.span.start, verdict.span.end)
        hits.append(not inside.isdisjoint(page.gold))
        sizes.append(len(inside))
        gold_shares.append(len(inside & page.gold) / len(inside))
        starts = [chance.randrange(max(1, len(page.page) - len(inside) + 1)) for _ in range(100)]
        guesses.append(sum(not page.gold.isdisjoint(range(at, at + len(inside))) for at in starts) / 100)
    if not hits:
        return {}
    n = len(hits)
    return {
        "claims with a span": n,
        "spans with a gold sentence": sum(hits) / n,
        "… random spans of the same length": sum(guesses) / n,
        "sentences in a span, mean": sum(sizes) / n,
        "… gold ones among them": sum(gold_shares) / n,
    }


def _sentences(page: Sequence[str], start: int, end: int) -> set[int]:
    """Numbers of the sentences that a span of the joined page touches."""
    found, at = set[int](), 0
    for number, sentence in enumerate(page):
        if at < end and start < at + len(sentence):
            found.add(number)
        at += len(sentence) + len(_GAP)
    return found


def _missing_words(
    rows: Sequence[TokenLabels], queries: Sequence[SupportQuery], ask: Ask, where: str
) -> dict[str, float]:
    """Precision and recall of the words called missing, among the content words of claims that are partly supported."""
    verdicts = ask(queries)
    hits = called = wanted = n_words = 0
    for row, verdict in zip(rows, verdicts, strict=True):
        missing = {word for text in verdict.missing for word in _words(text)}
        for token, is_unsupported in zip(row.tokens, row.unsupported, strict=True):
            if not content_words(token):
                continue
            is_called = not missing.isdisjoint(_words(token))
            n_words += 1
            hits += is_called and is_unsupported
            called += is_called
            wanted += is_unsupported
    if not called:
        return {}
    return {
        f"words missing {where}: precision": hits / called,
        f"words missing {where}: recall": hits / wanted,
        f"words missing {where}: precision by chance": wanted / n_words,
    }


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())
