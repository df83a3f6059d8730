"""The lexical rubric judge: what its words can tell, and what it does not claim to know."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cpu_time import cpu_seconds

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.lexical.lexical_rubric_judge import LexicalRubricJudge
from citerefine.judges.rubric.report.quoting import find_quote
from citerefine.judges.rubric.rubric_judge import GradeQuery, RubricJudge
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.rubrics.criterion import Criterion, Level, Polarity, Scale
from citerefine.rubrics.loading import load_rubrics

JUDGE = LexicalRubricJudge()
ANSWERS = Path(__file__).parents[4].parent / "shared" / "data" / "scholarqa_cs_answers"
ANSWER = (
    "<answer><snippet id=k1>Lake Orven froze twelve days later in 2011 than in 1981.</snippet> "
    "<snippet id=k2>Its perch biomass doubled between 1990 and 2010.</snippet> "
    "Salinity stayed below 0.3 g/L.</answer>"
)


def criterion(text: str, *, fault: bool = False, scale: Scale | None = None) -> Criterion:
    polarity = Polarity.NEGATIVE if fault else Polarity.POSITIVE
    return Criterion(id="c", text=text, weight=-1 if fault else 1, polarity=polarity, scale=scale or Scale())


def cell(text: str, answer: str = ANSWER, **kind: bool) -> Cell:
    return JUDGE.cells(GradeQuery(answer, (criterion(text, **kind),)))[0]  # type: ignore[arg-type]


def test_it_is_a_rubric_judge_with_a_version_in_its_name() -> None:
    assert isinstance(JUDGE, RubricJudge)
    assert JUDGE.name == "lexical-rubric-3"


@pytest.mark.parametrize(
    "text",
    [
        "The answer states that perch biomass doubled between 1990 and 2010.",
        "Mentions that the lake froze twelve days later",
        "Lake Orven froze later in 2011 than in 1981",
        "Says that salinity remained below 0.3 g/L",
    ],
)
def test_what_the_answer_says_is_met(text: str) -> None:
    found = cell(text)
    assert (found.status, found.verdict, found.value) == (Status.OK, "MET", 1.0)
    assert found.p_met is None
    assert found.evidence is not None


@pytest.mark.parametrize(
    "text",
    [
        "States that perch biomass tripled",
        "States that perch biomass doubled between 1970 and 2010",
        "Claims that the lake never froze twelve days later in 2011",
        "States that reed beds along the shore shrank",
        "States that perch biomass doubled between 1990 and 2010 and that reed beds along the shore shrank",
    ],
)
def test_other_numbers_denials_and_what_is_not_said_are_not_met(text: str) -> None:
    assert (cell(text).verdict, cell(text).value, cell(text).evidence) == ("UNMET", 0.0, None)


def test_evidence_stands_word_for_word_in_the_plain_answer() -> None:
    assert cell("States that perch biomass doubled").evidence == "Its perch biomass doubled between 1990 and 2010."


def test_the_reason_gives_score_and_missing_words() -> None:
    reason = cell("States that perch biomass tripled").reason
    assert reason.startswith("words: score 0.")
    assert "missing tripled" in reason


def test_a_fault_is_present_where_its_words_are() -> None:
    assert cell("Claims that perch biomass doubled between 1990 and 2010", fault=True).value == 1.0
    assert cell("Claims that trout vanished from the lake", fault=True).value == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "The answer cites a source for every claim",
        "Is concise and well structured",
        "Contains padding that is off-topic",
        "Does not mention roach",
        "Fails to name the author",
        "",
        "???",
    ],
)
def test_form_and_absence_cannot_be_assessed(text: str) -> None:
    found = cell(text)
    assert (found.status, found.verdict, found.value) == (Status.ABSTAIN, "CANNOT_ASSESS", 0.0)
    assert cell(text, fault=True).value is None
    assert found.reason.partition(":")[0] in ("form", "absence")


@pytest.mark.parametrize(
    "answer",
    [
        "perch, biomass, doubled, 1990, 2010, lake, froze, twelve, days, later",
        "Perch biomass doubled 1990 2010 lake Orven froze twelve days later salinity stayed g/L roach nets.",
        "Keywords: perch biomass doubled lake froze twelve days later 1990 2010 salinity",
        "| perch | biomass | doubled | between | 1990 | 2010 | froze | twelve | days | later |",
        "Did perch biomass double between 1990 and 2010? Did the lake freeze twelve days later?",
        "It is unclear whether perch biomass doubled between 1990 and 2010.",
        "Perhaps perch biomass doubled between 1990 and 2010.",
        "The net surveys were made in summer. <!-- Perch biomass doubled between 1990 and 2010. -->",
        "The perch biomass has not doubled between 1990 and 2010.",
    ],
)
def test_keywords_questions_hedges_and_denials_meet_nothing(answer: str) -> None:
    assert cell("States that perch biomass doubled between 1990 and 2010", answer).verdict == "UNMET"
    assert cell("Mentions that the lake froze twelve days later", answer).verdict == "UNMET"


PERCH = "The answer says that perch doubled in Lake Orven by 2010."


@pytest.mark.parametrize(
    "answer",
    [
        "The claim that perch doubled in Lake Orven by 2010 is false.",
        "The popular idea that perch doubled in Lake Orven by 2010 was simply wrong.",
        "The story that perch doubled in Lake Orven by 2010 has been thoroughly debunked.",
        "That perch doubled in Lake Orven by 2010 is untrue.",
        "That perch doubled in Lake Orven by 2010 turned out to be a common myth.",
        "The report that perch doubled in Lake Orven by 2010 is not true.",
        "It is a myth that perch doubled in Lake Orven by 2010.",
        "It would help, but it is wrong to say that perch doubled in Lake Orven by 2010.",
        "Some people wrongly think that perch doubled in Lake Orven by 2010.",
        "The survey refutes the claim that perch doubled in Lake Orven by 2010.",
        "Perch halved in Lake Orven by 2010.",
        "Perch fell in Lake Orven by 2010.",
    ],
)
def test_what_the_answer_calls_false_or_the_opposite_of_is_not_met(answer: str) -> None:
    assert cell(PERCH, answer).verdict == "UNMET"
    assert cell("Claims that perch doubled in Lake Orven by 2010", answer, fault=True).value == 0.0


@pytest.mark.parametrize(
    "answer",
    [
        "The claim that perch doubled in Lake Orven by 2010 is right.",
        "The claim that perch doubled in Lake Orven by 2010 is true, and the idea that ice came early is wrong.",
        "The study showed that perch doubled in Lake Orven by 2010 and that the older estimate was wrong.",
        "The idea that pike vanished is false, but perch doubled in Lake Orven by 2010.",
        "The idea that perch halved is a myth. Perch doubled in Lake Orven by 2010.",
    ],
)
def test_what_is_said_beside_something_that_is_called_false_is_met(answer: str) -> None:
    assert cell(PERCH, answer).verdict == "MET"


def test_a_criterion_may_ask_that_something_be_called_false() -> None:
    text = "Says that the claim that perch doubled in Lake Orven is a myth"
    assert cell(text, "The claim that perch doubled in Lake Orven by 2010 is a myth.").verdict == "MET"


def test_keywords_behind_a_statement_do_not_ride_on_it() -> None:
    stuffed = (
        "Nets were used in summer, perch biomass doubled lake froze twelve days later salinity stayed shore winter"
    )
    assert cell("States that perch biomass doubled", stuffed).verdict == "UNMET"


def test_a_graded_scale_follows_the_words() -> None:
    levels = tuple(Level(name=name, value=value) for name, value in (("none", 0), ("some", 0.5), ("all", 1)))
    scale = Scale(kind="ordinal", levels=levels)
    graded = [
        JUDGE.cells(GradeQuery(ANSWER, (criterion(text, scale=scale),)))[0]
        for text in (
            "States that trout vanished",
            "States that perch biomass doubled in both northern bays near old harbours",
            "States that perch biomass doubled",
        )
    ]
    assert [one.verdict for one in graded] == ["none", "some", "all"]
    assert [one.value for one in graded] == [0, 0.5, 1]
    numeric = Scale(kind="numeric", lo=1, hi=10)
    found = JUDGE.cells(GradeQuery(ANSWER, (criterion("States that perch biomass doubled", scale=numeric),)))[0]
    assert (found.verdict, found.value) == ("10", 1.0)


def test_another_language_is_compared_too() -> None:
    answer = "Die Biomasse der Barsche hat sich zwischen 1990 und 2010 verdoppelt."
    assert cell("Die Biomasse der Barsche hat sich verdoppelt", answer).verdict == "MET"
    japanese = "湖の氷は2011年に遅く形成された。"
    assert cell("湖の氷は2011年に遅く形成された", japanese).verdict == "MET"


def test_cells_come_in_the_order_of_the_criteria() -> None:
    asked = tuple(criterion(text).model_copy(update={"id": text[:3]}) for text in ("abc d", "xyz e", "klm f"))
    graded = asyncio.run(JUDGE.grade(GradeQuery(ANSWER, asked)))
    assert [one.criterion for one in graded.cells] == ["abc", "xyz", "klm"]
    assert graded.usage is None


@settings(max_examples=60, deadline=None)
@given(answer=st.text(max_size=300), text=st.text(max_size=200), fault=st.booleans())
def test_no_text_makes_it_raise(answer: str, text: str, fault: bool) -> None:
    found = cell(text, answer, fault=fault)
    assert found.value in (None, 0.0, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "<!--",
        "<snippet id=a>",
        "a and ",
        "; ",
        " ",
        "no ",
        "a. ",
        "not know ",
        "claim that ",
        "is false that ",
        "the idea that it is ",
        "? ",
        "| ",
    ],
)
def test_time_grows_in_line_with_answer_and_criterion(text: str) -> None:
    def judged(n: int, enough: float) -> float:
        long = text * n
        asked = GradeQuery(long, (criterion((long + str(n))[-90_000:]),))
        return cpu_seconds(lambda: JUDGE.cells(asked), enough=enough)

    bound = max(0.4, 12 * judged(2_000, 0.05))
    assert judged(8_000, bound) <= bound


def test_it_gives_a_thousand_cells_a_second() -> None:
    texts = [f"States that perch biomass doubled between {year} and 2010 in the lake" for year in range(1900, 1920)]
    asked = tuple(criterion(text).model_copy(update={"id": text}) for text in texts)
    seconds = cpu_seconds(lambda: [JUDGE.cells(GradeQuery(f"{ANSWER} {n}", asked)) for n in range(20)], enough=0.2)
    assert len(asked) * 20 / seconds >= 1_000


def test_evidence_has_list_markers_pipes_and_brackets_as_the_answer_has_them() -> None:
    answer = "# Fish\n\n- Perch | biomass doubled [2] between\n  1990 and 2010, as nets showed.\n- Roach fell."
    found = cell("States that perch biomass doubled between 1990 and 2010", answer)
    assert found.evidence is not None
    assert found.evidence in answer
    assert "|" in found.evidence


@pytest.mark.skipif(not ANSWERS.exists(), reason="the data set scholarqa_cs_answers is not here")
def test_all_evidence_in_real_answers_stands_in_them_word_for_word_and_is_found_by_the_page() -> None:
    rubrics = {rubric.id: rubric for rubric in load_rubrics(ANSWERS / "test_configs_snippets.json")}
    found = list[tuple[str, str]]()
    for line in (ANSWERS / "claude.jsonl").read_text().splitlines()[:60]:
        row = json.loads(line)
        answer, asked = row["answer_text"], rubrics[row["case_id"]].judged
        cells = JUDGE.cells(GradeQuery(answer, tuple(one for one in asked if one.verifier == "llm")))
        found += [(answer, one.evidence) for one in cells if one.evidence]
    assert len(found) > 100
    assert [evidence for answer, evidence in found if evidence not in answer] == []
    assert all(find_quote(parse_tags(answer).text, evidence) is not None for answer, evidence in found)
