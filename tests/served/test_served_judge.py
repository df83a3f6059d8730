"""A chat model as judge on a real server with random weights: whatever such a model writes, each query is judged."""

import asyncio

from tests.model_servers import Server

from citerefine.judges.chat.chat_judge import ChatJudge
from citerefine.judges.scoring import CitedAnswer, ascore
from citerefine.judges.verdict import Label, SupportQuery, Verdict
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.scanner import parse_tags

SNIPPETS = [Snippet(id=f"s{number}", text=f"In lake number {number}, perch doubled.") for number in range(6)]
QUERIES = [
    SupportQuery(f"Perch doubled in lake {number}.", tuple(SNIPPETS[: number % 6 + 1]), "Did perch double?")
    for number in range(30)
]


def judged(served: Server, seed: int, temperature: float = 1.0) -> list[Verdict]:
    async def run() -> list[Verdict]:
        judge = ChatJudge(served.model, temperature=temperature, seed=seed)
        try:
            return await judge.judge(QUERIES)
        finally:
            await judge.aclose()

    return asyncio.run(run())


def test_under_the_grammar_every_query_gets_a_verdict(served: Server) -> None:
    verdicts = [verdict for seed in range(10) for verdict in judged(served, seed)]
    assert len(verdicts) == 300
    assert {verdict.label for verdict in verdicts} == {*Label}
    assert {verdict.reason for verdict in verdicts} == {""}


def test_p_supported_is_a_share_or_not_known(served: Server) -> None:
    found = [verdict.p_supported for verdict in judged(served, 0)]
    assert all(p is None or 0 <= p <= 1 for p in found)
    if served.kind == "vllm":  # gives the masses among what the grammar admits; llama.cpp among all tokens
        assert None not in found


def test_at_temperature_zero_the_same_answer_is_judged_the_same(served: Server) -> None:
    first, second = (judged(served, 0, temperature=0.0) for _ in range(2))
    assert [verdict.label for verdict in first] == [verdict.label for verdict in second]


def test_an_answer_is_scored_with_what_such_a_judge_says(served: Server) -> None:
    async def run() -> tuple[float | None, int]:
        judge = ChatJudge(served.model, temperature=1.0, seed=1)
        claims = [
            f"<snippet id=s{number},s{number + 1}>Perch doubled in lake {number}.</snippet>" for number in range(5)
        ]
        text = f"<answer>{' '.join(claims)}</answer>"
        try:
            score = await ascore(CitedAnswer(parse_tags(text), Evidence(SNIPPETS)), judge)
        finally:
            await judge.aclose()
        return score.recall, score.n_failed

    recall, failed = asyncio.run(run())
    assert recall is not None
    assert 0 <= recall <= 1
    assert failed == 0
