"""The critic names the claims that a second draft should mend, and scores the draft."""

import asyncio

from citerefine.judges import Label, SupportQuery, TableJudge
from citerefine.judges.critic import MAX_FINDINGS, CitationCritic
from citerefine.refiner import Evidence, Snippet, parse_answer
from citerefine.refiner.protocols import Critic, Critique

EVIDENCE = Evidence([Snippet(id="a", text="Perch doubled by 2010."), Snippet(id="b", text="Ice formed later.")])


def by_first_word(query: SupportQuery) -> Label | None:
    """Perch is in a, ice in b."""
    ids = {snippet.id for snippet in query.snippets}
    return Label.FULL if {"Perch": "a", "Ice": "b"}.get(query.claim.split()[0]) in ids else Label.NONE


def critique(inner: str) -> Critique:
    critic = CitationCritic(TableJudge(by_first_word))
    assert isinstance(critic, Critic)
    return asyncio.run(critic.critique(parse_answer(f"<answer>{inner}</answer>", EVIDENCE)))


def test_a_good_draft_has_no_findings() -> None:
    told = critique("<snippet id=a>Perch doubled by 2010.</snippet>")
    assert told == Critique(score=1.0)


def test_an_unsupported_claim_is_named() -> None:
    told = critique("<snippet id=b>Perch doubled by 2010.</snippet>")
    assert told.score == 0
    assert told.findings == ("The claim “Perch doubled by 2010.” is not supported by what it cites.",)


def test_an_uncited_claim_and_a_needless_citation_are_named() -> None:
    told = critique("Trout vanished in 2003. <snippet id=a,b>Perch doubled by 2010.</snippet>")
    assert told.findings == (
        "The claim “Trout vanished in 2003.” needs a citation and has none.",
        "The claim “Perch doubled by 2010.” does not need b.",
    )


def test_a_judge_that_fails_gives_no_score() -> None:
    critic = CitationCritic(TableJudge({}))
    draft = parse_answer("<answer><snippet id=a>Perch doubled.</snippet></answer>", EVIDENCE)
    told = asyncio.run(critic.critique(draft))
    assert told == Critique(score=None)


def test_findings_are_bounded() -> None:
    told = critique(" ".join(f"Trout number {n} vanished in 2003." for n in range(40)))
    assert len(told.findings) == MAX_FINDINGS
