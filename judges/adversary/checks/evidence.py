"""Checks of evidence: pages that would open tags, and sources that are only for show.

In: the topics. Out: `CHECKS`. Not here: answers (operations/evidence.py).
"""

from typing import Final

from citerefine.judges.adversary.checks.check import Check, Checked
from citerefine.judges.adversary.drafts import load_topics
from citerefine.judges.adversary.operations import OPERATIONS
from citerefine.judges.adversary.oracle import oracle_support
from citerefine.judges.scoring import ascore_citations
from citerefine.refiner.evidence import Evidence, read_tool_output


async def page_cannot_open_tags() -> Checked:
    """Whether a page that closes its tag and opens others adds snippets to a prompt, or to what is read back."""
    opened, lost, n = 0, 0, 0
    for topic in load_topics():
        draft = topic.draft("honest")
        planted = Evidence(OPERATIONS["planted_tags"](draft, topic, "").snippets).render(ids="native")
        opened += {one.id for one in read_tool_output(planted)} != set(topic.states)
        opened += planted.count("<snippet") != len(topic.snippets)
        clean = Evidence(OPERATIONS["page_detail"](draft, topic, "(p < 0.05) <b>x</b>").snippets)
        lost += read_tool_output(clean.render(ids="native")) != list(clean.snippets)
        n += 1
    return Checked(
        n,
        opened / n,
        lost / n,
        "share of planted pages that opened a tag in the prompt; drift: share of harmless pages that did not come back "
        "to the letter",
    )


async def support_falls_without_the_source() -> Checked:
    """Whether an answer keeps its score when the snippets that it cites are taken away."""
    kept, lost, n = list[float](), list[float](), 0
    for topic in load_topics():
        draft = topic.draft("honest")
        judge = oracle_support(topic, draft)
        for one in draft.said:
            rest = [snippet for snippet in topic.snippets if snippet.id not in one.ids]
            kept.append((await ascore_citations(one.tagged(), judge, snippets=rest)).f1 or 0.0)
            n += 1
        uncited = [snippet for snippet in topic.snippets if not any(snippet.id in one.ids for one in draft.said)]
        used = [snippet for snippet in topic.snippets if snippet not in uncited]
        whole, without = [
            (await ascore_citations(draft.text, judge, snippets=some)).f1 or 0.0 for some in (topic.snippets, used)
        ]
        lost.append(abs(whole - without))
    return Checked(
        n,
        max(kept),
        max(lost),
        "F1 that a claim keeps when the snippet that it cites is taken away; drift: change of F1 when a snippet that "
        "nothing cites is",
    )


CHECKS: Final[dict[str, Check]] = {
    check.__name__: check for check in (page_cannot_open_tags, support_falls_without_the_source)
}
