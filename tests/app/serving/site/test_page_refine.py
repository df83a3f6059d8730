"""The page without a browser: verdicts on claims, passages dropped and pinned, answers compared."""


from lxml import html
from tests.app.serving.running import PERCH, ROACH, server
from tests.app.serving.site.visiting import QUESTION, Browser, browser, browsing, words
from tests.faulty_server import FaultyServer, says, status

from citerefine.app.serving.site.pages.answer_page import answer_values
from citerefine.refiner.answer import parse_answer
from citerefine.refiner.evidence import Evidence

__all__ = ["browser"]  # a fixture


def test_dropped_passages_are_left_out_pinned_ones_come_first_and_nothing_is_searched(browser: Browser) -> None:
    path = browser.ask()
    refined = browser.post(f"{path}/refine", {"drop": [PERCH.id], "pin": [ROACH.id]}).headers["location"]
    answer = browser.get(f"{browser.ended(refined)}.json").json()
    assert list(answer["snippets"]) == [ROACH.id]
    assert answer["notes"][-1] == "Refined again from 1 of 2 passages, 1 of them first; nothing was searched."
    page = browser.page(refined)
    assert page.xpath("//ul[@class='linked']//a/@href") == [path]
    assert browser.page(path).xpath("//ul[@class='linked']//a/@href") == [refined]


def test_pinned_passages_come_first(browser: Browser) -> None:
    path = browser.ask()
    refined = browser.post(f"{path}/refine", {"pin": [ROACH.id]}).headers["location"]
    assert list(browser.get(f"{browser.ended(refined)}.json").json()["snippets"]) == [ROACH.id, PERCH.id]


def test_dropping_everything_is_refused_on_a_page_that_leads_back(browser: Browser) -> None:
    path = browser.ask()
    response = browser.post(f"{path}/refine", {"drop": [PERCH.id, ROACH.id]})
    assert response.status_code == 400
    assert html.fromstring(response.text).xpath("//a[@class='button']/@href") == [path]


def test_two_linked_answers_are_compared_claim_by_claim() -> None:
    replies = [
        "<answer><snippet id=S1>Perch doubled.</snippet> <snippet id=S2>Roach fell.</snippet></answer>",
        "<answer><snippet id=S1>PERCH   doubled</snippet>. <snippet id=S1>Pike came.</snippet></answer>",
    ]
    with (
        FaultyServer([*map(says, replies)]) as model,
        server(model=model.model) as running,
        browsing(running) as browser,
    ):
        path = browser.ask()
        refined = browser.ended(browser.post(f"{path}/refine").headers["location"])
        changes = [words(one) for one in browser.page(refined).xpath("//section[@class='changes']//li")]
    assert changes == ["= kept PERCH doubled", "+ new Pike came.", "− gone Roach fell."]


def test_asking_again_after_a_failed_refinement_searches_no_more() -> None:
    replies = [says("<answer><snippet id=S1>Perch.</snippet></answer>"), status(400), says("<answer>So.</answer>")]
    with FaultyServer(replies) as model, server(model=model.model) as running, browsing(running) as browser:
        path = browser.ask()
        failed = browser.ended(browser.post(f"{path}/refine", {"drop": [PERCH.id]}).headers["location"])
        again = browser.ended(browser.post(f"{failed}/again").headers["location"])
        answer = browser.get(f"{again}.json").json()
    assert list(answer["snippets"]) == [ROACH.id]
    assert "Nothing was searched." in answer["notes"]


# --- verdicts -------------------------------------------------------------------------------------------------


def test_each_claim_is_judged_by_words_in_common_and_the_weakest_sentence_decides() -> None:
    raw = (
        "<answer><snippet id=S1>Perch doubled in the lake by 2010.</snippet> "
        "<snippet id=S1>By 2012 perch had doubled in the lake.</snippet> "
        "<snippet id=S2>Otters built a railway.</snippet> "
        "<snippet id=S1>Perch doubled in the lake by 2010. Otters built a railway.</snippet> "
        "<snippet id=S9>Pike came.</snippet></answer>"
    )
    values = answer_values(parse_answer(raw, Evidence((PERCH, ROACH)), question=QUESTION))
    verdicts = values["verdicts"]
    assert [verdicts[number].sign.word for number in range(1, 6)] == [
        "supported", "supported in part", "not supported", "not supported", "unknown id",
    ]  # fmt: skip
    assert "It has a number that they have not." in verdicts[2].remarks
    assert "otters" in {word.lower() for word in verdicts[3].missing}
    assert [(one.words, one.n_claims) for one in values["filters"]] == [
        ("Not fully supported", 4), ("Only unsupported", 3),
    ]  # fmt: skip
    assert [sign.word for sign in values["legend"]] == [
        "supported", "supported in part", "not supported", "unknown id",
    ]  # fmt: skip


def test_a_denial_around_a_claim_leaves_it_without_support() -> None:
    raw = "<answer>It is not true that <snippet id=S1>perch had doubled in the lake</snippet>.</answer>"
    values = answer_values(parse_answer(raw, Evidence((PERCH,)), question=QUESTION))
    assert values["verdicts"][1].sign.word == "not supported"
