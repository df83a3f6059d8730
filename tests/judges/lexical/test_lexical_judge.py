"""What the lexical judge says, and how it explains itself."""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from citerefine.judges import Label, LexicalJudge, SupportJudge, SupportQuery, Verdict
from citerefine.refiner import Snippet

LAKE = Snippet(
    id="lake",
    title="Perch in Lake Orven",
    text=(
        "Lake Orven lies in the north of the valley. Between 1998 and 2010 the perch population doubled, while pike "
        "became rare. The ice did not melt before April in most years. Salinity fell by 0.3 g/L, as Ruud et al. report."
    ),
)
KELP = Snippet(id="kelp", text="Kelp grows up to 60 cm a day in cold water. Farmers near Nordvik harvest it in June.")


def verdict(claim: str, *snippets: Snippet) -> Verdict:
    (given,) = asyncio.run(LexicalJudge().judge([SupportQuery(claim, snippets or (LAKE,))]))
    return given


def quoted(given: Verdict, *snippets: Snippet) -> str:
    assert given.span is not None
    (snippet,) = [one for one in snippets or (LAKE,) if one.id == given.span.snippet]
    return snippet.text[given.span.start : given.span.end]


def test_it_is_a_support_judge() -> None:
    judge = LexicalJudge()
    assert isinstance(judge, SupportJudge)
    assert (judge.name, judge.asks_at_once) == ("lexical-2", False)


@pytest.mark.parametrize(
    "claim",
    [
        "Between 1998 and 2010 the perch population doubled, while pike became rare.",
        "The ice did not melt before April in most years.",
        "Lake Orven lies in the north of the valley. Salinity fell by 0.3 g/L, as Ruud et al. report.",
    ],
)
def test_what_stands_there_word_for_word_is_fully_supported(claim: str) -> None:
    given = verdict(claim)
    assert (given.label, given.flags, given.missing) == (Label.FULL, (), ())
    assert given.p_supported == pytest.approx(1)


@pytest.mark.parametrize(
    "claim",
    ["The perch population of Lake Orven doubled between 1998 and 2010.", "Pike became rare while perch doubled."],
)
def test_a_close_paraphrase_is_fully_supported(claim: str) -> None:
    assert verdict(claim).label is Label.FULL


@pytest.mark.parametrize("number", ["2011", "20", "2,010.5", "seventy"])
def test_a_number_that_the_evidence_has_not_keeps_a_claim_from_full_support(number: str) -> None:
    given = verdict(f"Between 1998 and {number} the perch population doubled, while pike became rare.")
    assert given.label is not Label.FULL
    assert given.flags == ("number",)
    assert number.split(".")[0] in " ".join(given.missing)


def test_a_name_that_the_evidence_has_not_keeps_a_claim_from_full_support() -> None:
    given = verdict("The perch population of Lake Velten doubled between 1998 and 2010, while pike became rare.")
    assert (given.label, given.flags, given.missing) == (Label.PARTIAL, ("name",), ("Velten",))


@pytest.mark.parametrize(
    "claim",
    [
        "Between 1998 and 2010 the perch population did not double, while pike became rare.",
        "Between 1998 and 2010 the perch population never doubled, while pike became rare.",
        "Between 1998 and 2010 the perch population doubled, while pike didn’t become rare.",
        "The ice did melt before April in most years.",
    ],
)
def test_a_negation_on_one_side_only_keeps_a_claim_from_full_support(claim: str) -> None:
    given = verdict(claim)
    assert "negation" in given.flags
    assert given.label is not Label.FULL


def test_a_negation_of_something_else_in_the_same_sentence_is_no_sign() -> None:
    snippet = Snippet(text="The ice did not melt in March, and perch spawned early.")
    assert verdict("Perch spawned early.", snippet).flags == ()


def test_an_opposite_word_keeps_a_claim_from_full_support() -> None:
    given = verdict("Salinity rose by 0.3 g/L, as Ruud et al. report.")
    assert given.flags == ("antonym",)
    assert given.label is Label.PARTIAL


def test_the_evidence_of_another_question_supports_nothing() -> None:
    given = verdict("Between 1998 and 2010 the perch population doubled, while pike became rare.", KELP)
    assert given.label is Label.NONE
    assert given.p_supported == pytest.approx(0, abs=0.1)


def test_words_alone_never_contradict() -> None:
    assert verdict("The perch population did not double.").label is not Label.CONTRADICTS


def test_keywords_of_the_evidence_do_not_carry_an_invented_claim() -> None:
    keywords = "valley population pike rare ice melt April years salinity report north doubled perch"
    assert verdict(f"Trout vanished from the river {keywords}.").label is not Label.FULL


def test_a_string_of_words_in_an_order_of_its_own_is_not_supported() -> None:
    given = verdict("rare 2010 while doubled the pike population became and perch 1998 between")
    assert (given.label, given.flags) == (Label.NONE, ("order",))


def test_a_quotation_behind_an_invented_sentence_does_not_carry_it() -> None:
    given = verdict("Trout vanished from the river. Salinity fell by 0.3 g/L, as Ruud et al. report.")
    assert given.label is Label.NONE
    assert given.missing == ("Trout", "vanished", "river")


def test_a_quotation_within_the_same_sentence_does_not_carry_an_invention() -> None:
    invention = "Trout vanished from every river of Norland after engineers drained swamps"
    given = verdict(f"{invention}, and between 1998 and 2010 the perch population doubled, while pike became rare.")
    assert given.label is not Label.FULL
    longer = f"{invention.lower()}, and {LAKE.text[0].lower()}{LAKE.text[1:].replace('. ', ', ')}"
    assert (verdict(longer).p_supported or 0) <= 0.4


def test_nothing_is_free_behind_the_last_sentence_that_is_read_on_its_own() -> None:
    true = "Lake Orven lies in the north of the valley. "
    assert verdict(true * 200).label is Label.FULL
    assert verdict(true * 200 + "Trout vanished from the river by night.").label is not Label.FULL


def test_two_snippets_together_support_what_neither_does_alone() -> None:
    claim = "Salinity fell by 0.3 g/L and kelp grows up to 60 cm a day in cold water."
    alone = [verdict(claim, one).p_supported or 0 for one in (LAKE, KELP)]
    assert verdict(claim, LAKE, KELP).label is Label.FULL
    assert verdict(claim, LAKE).label is not Label.FULL
    assert max(alone) < (verdict(claim, LAKE, KELP).p_supported or 0)


def test_the_title_counts_as_evidence() -> None:
    titled = Snippet(title="Lake Orven", text="Perch doubled by 2010.")
    claim = "In Lake Orven perch doubled by 2010."
    assert verdict(claim, titled).missing == ()
    assert verdict(claim, Snippet(text=titled.text)).missing == ("Lake", "Orven")


def test_the_span_is_the_sentence_that_says_it() -> None:
    assert quoted(verdict("Perch doubled by 2010.")) == (
        "Between 1998 and 2010 the perch population doubled, while pike became rare."
    )
    assert quoted(verdict("Farmers harvest kelp in June.", LAKE, KELP), LAKE, KELP).endswith("harvest it in June.")


def test_spans_count_code_points_of_the_text_as_it_is() -> None:
    snippet = Snippet(text="ﬁsh 🐟 e\u0301te\u0301.  \n The Zander doubled in 2010.")
    assert quoted(verdict("The zander doubled in 2010.", snippet), snippet) == "The Zander doubled in 2010."


def test_missing_words_are_as_written_and_in_order() -> None:
    given = verdict("Divers counted trout, Perch and 1,500 eels near Velten.")
    assert given.missing == ("Divers", "counted", "trout", "1,500", "eels", "Velten")


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("Twenty lakes froze.", "20 lakes froze."),
        ("12,000 eels came.", "There came 12000 eels; 12000 eels came."),
        ("The 19th lake froze.", "Lake 19 froze, the 19 lake froze."),
        ("Na\u0308chte froren.", "Nächte froren."),
        ("co\u00adoperation grew", "cooperation grew"),
        ("２０１０年鲈鱼加倍", "2010年鲈鱼加倍。冰来得晚。"),
        ("It is so.", "And it is so."),
    ],
)
def test_what_looks_different_and_is_the_same_matches(claim: str, text: str) -> None:
    given = verdict(claim, Snippet(text=text))
    assert (given.label, given.missing) == (Label.FULL, ())


def test_scripts_without_blanks_are_compared_piece_by_piece() -> None:
    snippet = Snippet(text="鲈鱼的数量在一九九八年到二零一零年之间翻了一番。盐度下降了。")
    assert verdict("盐度下降了。", snippet).label is Label.FULL
    assert verdict("海带每天长得很快。", snippet).label is Label.NONE
    assert verdict("盐度上升了。", snippet).missing == ("度上升了",)


@pytest.mark.parametrize("claim", ["", " ", "!!!", "…", "\x00", "\u202e", "🐟"])
def test_a_claim_without_words_has_nothing_that_could_be_supported(claim: str) -> None:
    given = verdict(claim)
    assert (given.label, given.p_supported, given.span) == (Label.NONE, 0.0, None)


def test_the_order_of_the_snippets_does_not_matter() -> None:
    claim = "Kelp grows up to 60 cm a day, while pike became rare."
    assert verdict(claim, LAKE, KELP) == verdict(claim, KELP, LAKE)


def test_verdicts_of_version_2_are_these() -> None:
    """Whoever changes one of them changes VERSION too: verdicts are kept by the judge's name."""
    claims = ["Perch doubled by 2010.", "Pike doubled by 2011.", "Ice melts in Lake Orven.", "Perch like kelp."]
    given = [verdict(claim) for claim in claims]
    assert [(one.label, round(one.p_supported or 0, 4)) for one in given] == VERSION_2


VERSION_2 = [(Label.FULL, 0.6667), (Label.NONE, 0.2424), (Label.PARTIAL, 0.75), (Label.NONE, 0.1667)]


def test_verdicts_are_the_same_in_every_process() -> None:
    script = (
        "from citerefine.judges import LexicalJudge, SupportQuery\n"
        "from citerefine.refiner import Snippet\n"
        "text = 'Perch doubled by 2010. Pike grew rare in the north. Ice came late. Perch grew in Lake Orven.'\n"
        "snippets = (Snippet(text=text), Snippet(text=text[9:]))\n"
        "query = SupportQuery('Perch and pike grew in the north by 2011.', snippets)\n"
        "print(LexicalJudge().verdict(query).model_dump_json())"
    )
    environment = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("0", "1", "2")]
    outputs = {subprocess.check_output([sys.executable, "-c", script], env=each) for each in environment}
    assert len(outputs) == 1


def test_many_threads_may_ask_at_once() -> None:
    judge = LexicalJudge()
    queries = [
        SupportQuery(f"Perch {n} doubled while lake{n} froze.", (LAKE, Snippet(text=f"Lake{n} froze. {n} perch.")))
        for n in range(200)
    ]
    with ThreadPoolExecutor(8) as threads:
        at_once = list(threads.map(judge.verdict, queries))
    assert at_once == [LexicalJudge().verdict(query) for query in queries]


def test_closing_forgets_snippets_and_the_judge_goes_on() -> None:
    judge, query = LexicalJudge(), SupportQuery("Perch doubled by 2010.", (LAKE,))
    before = judge.verdict(query)
    asyncio.run(judge.aclose())
    assert judge.verdict(query) == before


def test_words_around_a_claim_can_turn_it_around() -> None:
    snippet = Snippet(text="The perch biomass of Lake Orven in 2010 was twice the level of 1990.")
    claim = "the perch biomass of Lake Orven in 2010 was twice the level of 1990"
    alone = LexicalJudge().verdict(SupportQuery(claim, (snippet,)))
    denied = LexicalJudge().verdict(SupportQuery(claim, (snippet,), "", f"It is not true that {claim}."))
    doubted = LexicalJudge().verdict(SupportQuery(claim, (snippet,), "", f"It is a myth that {claim}."))
    introduced = LexicalJudge().verdict(SupportQuery(claim, (snippet,), "", f"In contrast, {claim}."))
    assert (alone.label, introduced.label) == (Label.FULL, Label.FULL)
    assert (denied.label, denied.flags) == (Label.NONE, ("negation",))
    assert doubted.label is Label.NONE


def test_words_behind_a_claim_are_judged_with_it() -> None:
    snippet = Snippet(text="The perch biomass of Lake Orven was measured with nets in 2010.")
    claim = "The perch biomass of Lake Orven"
    query = SupportQuery(claim, (snippet,), "", f"{claim} was halved.")
    assert LexicalJudge().verdict(query).missing == ("halved",)
