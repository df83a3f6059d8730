"""Two judges in turn."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from benchmarks import fit_cascade
from benchmarks.support_sets import read_sets
from tests.judges.chat.judging import EELS, PERCH, by_words, judged, model_by, query

from citerefine.judges.cascade.cascade_judge import CascadeJudge
from citerefine.judges.cascade.thresholds import Thresholds, load_thresholds
from citerefine.judges.chat.chat_judge import ChatJudge
from citerefine.judges.judge import SupportJudge
from citerefine.judges.lexical.lexical_judge import LexicalJudge
from citerefine.judges.verdict import EvidenceSpan, Label, SupportQuery, Verdict, not_judged
from citerefine.refiner.errors import InputError

THRESHOLDS = Thresholds(lexical="words", low=0.2, high=0.9, aim=0.95)
DATA = Path(__file__).parents[2].parent / "shared" / "data"
SPAN = EvidenceSpan(snippet="a", start=0, end=5)


class Scoring:
    """A lexical judge whose scores stand in the claims, such as `0.5` or `0.95 number`."""

    name = "words"
    asks_at_once = False

    def __init__(self) -> None:
        self.closed = False

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        return [self._verdict(query.claim) for query in queries]

    def _verdict(self, claim: str) -> Verdict:
        score, *flags = claim.split()
        if score == "fails":
            return not_judged(self.name, "broken", "no score")
        return Verdict(
            label=Label.PARTIAL,
            p_supported=float(score),
            span=SPAN,
            missing=("pike",),
            flags=tuple(flags),
            judge=self.name,
        )

    async def aclose(self) -> None:
        self.closed = True


def cascade(rule: str = "PARTIAL", thresholds: Thresholds = THRESHOLDS) -> tuple[CascadeJudge, list[str]]:
    """A cascade, and the claims that its model was asked about."""
    asked = list[str]()

    def judge_of(one: object) -> str:
        asked.append(one.claim)  # type: ignore[attr-defined]
        return rule

    return CascadeJudge(Scoring(), ChatJudge(model_by(judge_of)), thresholds), asked


def test_the_model_is_asked_between_the_thresholds_only() -> None:
    judge, asked = cascade()
    claims = ["0.0", "0.2", "0.21", "0.5", "0.89", "0.9", "1.0"]
    verdicts = judged(judge, *map(query, claims))
    none, full, partial = Label.NONE, Label.FULL, Label.PARTIAL
    assert [verdict.label for verdict in verdicts] == [none, none, partial, partial, partial, full, full]
    assert asked == ["0.21", "0.5", "0.89"]


def test_what_looks_wrong_is_never_accepted_without_the_model() -> None:
    judge, asked = cascade("CONTRADICTS")
    assert [one.label for one in judged(judge, query("0.95 number"))] == [Label.CONTRADICTS]
    assert asked == ["0.95 number"]


def test_what_the_lexical_judge_cannot_score_the_model_judges() -> None:
    judge, asked = cascade("FULL")
    (verdict,) = judged(judge, query("fails"))
    assert (verdict.label, verdict.span, asked) == (Label.FULL, None, ["fails"])


def test_without_thresholds_the_model_judges_all() -> None:
    judge, asked = cascade(thresholds=Thresholds(lexical="words", low=None, high=None, aim=0.95))
    judged(judge, query("0.0"), query("1.0"))
    assert asked == ["0.0", "1.0"]


def test_each_verdict_says_who_gave_it_and_the_lexical_score() -> None:
    judge, _ = cascade()
    none, partial, full = judged(judge, query("0.1"), query("0.5"), query("0.9"))
    assert (none.judge, full.judge) == ("words", "words")
    assert partial.judge.startswith("scripted (prompt ")
    assert none.reason == "lexical score 0.10, at most 0.2"
    assert full.reason == "lexical score 0.90, at least 0.9"
    assert partial.reason == "lexical score 0.50"


def test_a_models_verdict_gets_the_evidence_that_the_lexical_judge_found() -> None:
    (partial,) = judged(cascade("PARTIAL")[0], query("0.5 number"))
    assert (partial.span, partial.missing, partial.flags, partial.p_supported) == (SPAN, ("pike",), (), None)
    (full,) = judged(cascade("FULL")[0], query("0.5"))
    assert (full.span, full.missing) == (SPAN, ())


def test_what_the_model_could_not_judge_stays_so() -> None:
    (verdict,) = judged(cascade("RATHER")[0], query("0.5"))
    assert verdict.label is None
    assert verdict.reason.startswith("unparsable: ")


def test_it_closes_both_and_is_asked_as_its_model_is() -> None:
    lexical, model = Scoring(), model_by(by_words)
    judge = CascadeJudge(lexical, ChatJudge(model), THRESHOLDS)
    assert isinstance(judge, SupportJudge)
    assert judge.asks_at_once
    judged(judge)
    assert (lexical.closed, model.closed) == (True, True)


def test_its_name_holds_both_judges_and_the_thresholds() -> None:
    name = CascadeJudge(Scoring(), ChatJudge(model_by(by_words)), THRESHOLDS).name
    assert name.startswith("cascade (none to 0.2, full from 0.9 by words; else scripted (prompt ")


# --- the thresholds that come with the package ------------------------------------------------------------------


def test_thresholds_of_another_lexical_judge_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"were fitted for the judge 'lexical.*', and this one is 'words'.*fit_cascade"
    ):
        CascadeJudge(Scoring(), ChatJudge(model_by(by_words)))


def test_those_that_come_with_the_package_are_for_its_lexical_judge_and_state_their_errors() -> None:
    thresholds = load_thresholds(LexicalJudge().name)
    assert thresholds.low is not None
    assert len(thresholds.sets) >= 3
    for one in thresholds.sets:
        for decided in (one.none, one.full):
            assert (decided.right is None) == (decided.n == 0) == (decided.ci95 is None)
            assert decided.share == pytest.approx(decided.n / one.n, abs=1e-3)
            if decided.right is not None and decided.ci95 is not None:
                assert decided.ci95[0] <= decided.right <= decided.ci95[1]


def test_with_them_a_claim_about_something_else_costs_nothing() -> None:
    model = model_by(by_words)
    judge = CascadeJudge(LexicalJudge(), ChatJudge(model))
    (other,) = judged(judge, query("Interest rates rose sharply in Norway.", EELS))
    assert (other.label, len(model.calls)) == (Label.NONE, 0)
    judged(judge, query("Perch had become twice as common by 2010.", PERCH))
    assert len(model.calls) == 1


def test_words_alone_never_decide_that_a_claim_is_fully_supported() -> None:
    assert load_thresholds(LexicalJudge().name).high is None
    model = model_by(by_words)
    judge = CascadeJudge(LexicalJudge(), ChatJudge(model))
    judged(judge, query(PERCH.text, PERCH))
    assert len(model.calls) == 1
    assert judge.name.startswith("cascade (none to 0.07, full from never by lexical-2; ")


def test_a_threshold_holds_if_it_reaches_the_aim_where_it_was_not_fitted() -> None:
    right, wrong = [True] * 20, [False] * 20
    assert fit_cascade.holds([right, right])
    assert not fit_cascade.holds([right, wrong])
    assert fit_cascade.holds([right, wrong[:9]])  # too few to count
    assert not fit_cascade.holds([right[:9]])
    pairs = pairs_of((0.1, 0.0), (0.1, 0.5), (0.1, 1.0), (0.9, 1.0), (0.9, 0.5))
    assert fit_cascade.none_decided(pairs, 0.2) == [True, True, False]
    assert fit_cascade.full_decided(pairs, 0.8) == [True, False]
    assert fit_cascade.none_decided(pairs, None) == fit_cascade.full_decided(pairs, None) == []


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the labelled sets are not at {DATA}")
def test_they_are_what_fitting_gives_today() -> None:
    assert fit_cascade.fit(read_sets(DATA)) == load_thresholds(LexicalJudge().name)


def pairs_of(*scores_and_support: tuple[float, float]) -> list[fit_cascade.Pair]:
    return [fit_cascade.Pair(score, False, support, str(n)) for n, (score, support) in enumerate(scores_and_support)]


def test_a_threshold_is_the_last_at_which_enough_of_what_is_decided_is_right() -> None:
    none = pairs_of(*[(0.1, 0.0)] * 40, *[(0.2, 0.5)] * 2, *[(0.3, 1.0)] * 10)
    grid = [0.0, 0.1, 0.2, 0.3]
    assert fit_cascade.last_good([none], grid, fit_cascade.decides_none, 0.0) == 0.2
    assert fit_cascade.last_good([none, pairs_of(*[(0.2, 0.5)] * 10)], grid, fit_cascade.decides_none, 0.0) == 0.1
    assert fit_cascade.last_good([none, pairs_of(*[(0.2, 0.5)] * 9)], grid, fit_cascade.decides_none, 0.0) == 0.2
    assert fit_cascade.last_good([pairs_of(*[(0.0, 1.0)] * 20)], grid, fit_cascade.decides_none, 0.0) is None
    assert fit_cascade.last_good([none[:9]], grid, fit_cascade.decides_none, 0.0) is None


def test_the_errors_of_a_set_are_counted_with_intervals_by_cluster() -> None:
    pairs = pairs_of(*[(0.1, 0.0)] * 8, (0.1, 0.5), (0.1, 1.0), *[(0.5, 1.0)] * 9, (0.9, 1.0))
    found = fit_cascade.errors("set", pairs, fit_cascade.Fitted(0.2, None), True)
    assert (found.n, found.none.n, found.none.share, found.none.right, found.none.opposite) == (20, 10, 0.5, 0.8, 1)
    assert found.none.ci95 == (0.4901, 0.9434)  # Wilson, 8 of 10
    assert (found.full.n, found.full.right, found.full.ci95) == (0, None, None)
    one_cluster = [pair._replace(cluster="x") for pair in pairs]
    wider = fit_cascade.errors("set", one_cluster, fit_cascade.Fitted(0.2, None), True).none.ci95
    assert wider is not None
    assert wider[0] < found.none.ci95[0]
