"""The support of each claim, at its place in the text as the model wrote it."""

from tests.training.rewards.rewarding import EVIDENCE, WordSupportJudge

from citerefine.judges.scoring import CitedAnswer, ascore
from citerefine.judges.verdict import SupportQuery
from citerefine.refiner.background import run
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.training.rewards.citing import citation_part, claim_values
from citerefine.training.rewards.parts import Missing, Scored

PERCH = "In the lake, perch doubled in number by 2010."
LIES = "Some say lies about what trout did there."


def values(text: str, judge: WordSupportJudge | None = None) -> list[tuple[str, float | None]]:
    """The raw text of each claim with its tags, and its support."""
    score = run(ascore(CitedAnswer(parse_tags(text), EVIDENCE, answerable=True), judge or WordSupportJudge()))
    return [(text[one.start : one.end], one.support) for one in claim_values(text, score)]


def tagged(claim: str, ids: str = "S1") -> str:
    return f"<snippet id={ids}>{claim}</snippet>"


def test_each_claim_has_its_own_support_at_its_place_in_the_raw_text() -> None:
    cited = f"<snippet id=S1>{PERCH}</snippet> <snippet id=S2>{LIES}</snippet>"
    text = f"<think>🐟</think> <answer>A &amp; b: {cited}</answer>"
    assert values(text) == [(tagged(PERCH), 1.0), (tagged(LIES, "S2"), 0.0)]


def test_ids_belong_to_the_claim_and_tags_around_it_to_nobody_else() -> None:
    nested = f"<snippet id=S1> {PERCH} <snippet id='S1,S2'>{LIES}</snippet></snippet>"
    assert [claim for claim, _ in values(f"<answer>Well, {nested} so.</answer>")] == [
        f"<snippet id=S1> {PERCH}",
        f"<snippet id='S1,S2'>{LIES}</snippet></snippet>",
    ]
    beside = f"<snippet id=S9></snippet>{tagged(PERCH)}{tagged(LIES)}</snippet> text"
    assert [claim for claim, _ in values(f"<answer>{beside}</answer>")] == [tagged(PERCH), tagged(LIES) + "</snippet>"]
    unclosed = f"<snippet id=S1>{PERCH}\n\nMore of that."
    assert [claim for claim, _ in values(f"<answer>{unclosed}</answer>")] == [f"<snippet id=S1>{PERCH}"]


def test_several_sentences_in_one_tag_have_their_mean_by_content_words() -> None:
    ((_, support),) = values(f"<answer><snippet id=S1>{PERCH} {LIES}</snippet></answer>")
    assert support == 5 / 7  # five content words are supported, and two are not


def test_a_claim_that_is_said_twice_has_one_value_in_both_places() -> None:
    text = f"<answer><snippet id=S1>{LIES}</snippet> And: <snippet id=S1>{LIES}</snippet></answer>"
    assert values(text) == [(tagged(LIES), 0.0), (tagged(LIES), 0.0)]


def test_what_was_not_judged_is_not_known() -> None:
    def fails(query: SupportQuery) -> bool:
        return "lies" in query.claim

    text = f"<answer><snippet id=S1>{PERCH}</snippet> <snippet id=S2>{LIES}</snippet></answer>"
    assert values(text, WordSupportJudge(fails)) == [(tagged(PERCH), 1.0), (tagged(LIES, "S2"), None)]


def test_a_claim_that_cites_an_unknown_id_has_no_support() -> None:
    assert values(f"<answer><snippet id=S9>{PERCH}</snippet></answer>") == [(tagged(PERCH, "S9"), 0.0)]


def test_an_answer_that_claims_nothing_has_no_claims() -> None:
    assert values("<answer>The evidence does not answer this question.</answer>") == []


def part(text: str, judge: WordSupportJudge, *, answerable: bool | None = True) -> Scored | Missing:
    score = run(ascore(CitedAnswer(parse_tags(text), EVIDENCE, answerable=answerable), judge))
    return citation_part(score, "score")


def test_verdicts_that_failed_are_named_and_may_come_when_asked_again() -> None:
    found = part(f"<answer><snippet id=S1>{PERCH}</snippet></answer>", WordSupportJudge(lambda query: True))
    assert isinstance(found, Missing)
    assert found.again
    assert "(deadline)" in found.reason


def test_an_abstention_that_nobody_labelled_is_missing_and_no_judge_would_help() -> None:
    text = "<answer>The evidence does not answer this question.</answer>"
    found = part(text, WordSupportJudge(), answerable=None)
    assert isinstance(found, Missing)
    assert not found.codes
    assert part(text, WordSupportJudge(), answerable=False) == Scored(1.0)
    assert part(text, WordSupportJudge(), answerable=True) == Scored(0.0)
