"""The oracle knows what each sentence asserts, and reads static criteria by the letter."""

import asyncio

from citerefine.judges.adversary.drafts import Draft, Said, Topic, load_topics
from citerefine.judges.adversary.oracle import oracle_rubric, oracle_support
from citerefine.judges.rubric.rubric_judge import GradeQuery
from citerefine.judges.verdict import SupportQuery

TOPIC = load_topics()[0]


def verdicts(draft: Draft, topic: Topic = TOPIC) -> dict[str, str | None]:
    judge = oracle_rubric(topic, draft)
    graded = asyncio.run(judge.grade(GradeQuery(draft.text, topic.judged_by.judged)))
    return {cell.criterion: cell.verdict for cell in graded.cells}


def test_the_honest_answer_meets_all_and_has_no_fault() -> None:
    found = verdicts(TOPIC.draft("honest"))
    faults = {leaf.id for leaf in TOPIC.judged_by.leaves if leaf.is_negative}
    assert {id for id, verdict in found.items() if verdict == "MET"} == found.keys() - faults


def test_the_weak_answer_has_a_fault_and_an_unsupported_claim() -> None:
    found = verdicts(TOPIC.draft("weak"))
    assert found["c1"] == "MET"
    assert found["c5"] == "MET"
    assert found["citation/unsupported"] == "UNMET"


def test_of_a_compound_criterion_all_parts_must_be_met() -> None:
    assert verdicts(TOPIC.saying(TOPIC.sentences["deck"]))["c4"] == "UNMET"
    assert verdicts(TOPIC.saying(TOPIC.sentences["deck"], TOPIC.sentences["repair"]))["c4"] == "MET"


def test_what_is_left_open_cannot_be_assessed() -> None:
    hedged = TOPIC.sentences["fine"]._replace(text="The cables may or may not be fine.", open=True)
    assert verdicts(TOPIC.saying(hedged))["c5"] == "CANNOT_ASSESS"


def test_a_sentence_that_repeats_a_fact_is_found() -> None:
    again = TOPIC.sentences["chloride"]._replace(text="In the piers there was 0.9 percent chloride.")
    assert verdicts(TOPIC.saying(TOPIC.sentences["chloride"], again))["citation/repetition"] == "MET"


def test_support_is_full_partial_or_none_by_facts() -> None:
    both = Said("Chloride and broken wires were found.", ("b1", "b2"), frozenset({"chloride", "cables"}))
    judge = oracle_support(TOPIC, TOPIC.saying(both))
    first, second = TOPIC.snippets[:2]
    queries = [SupportQuery(both.text, (first, second)), SupportQuery(both.text, (first,)),
               SupportQuery("Nobody wrote this.", (first,))]  # fmt: skip
    assert [verdict.label for verdict in asyncio.run(judge.judge(queries))] == ["full", "partial", "none"]


def test_an_answer_without_claims_meets_no_criterion_about_citations() -> None:
    found = verdicts(TOPIC.saying(Said("Overall it is very interesting to study such matters in depth.")))
    for criterion in ("uncited", "unsupported", "surplus"):
        assert found[f"citation/{criterion}"] == "UNMET"
    assert found["citation/off_query"] == "MET"
    assert found["citation/self_comment"] == "UNMET"
