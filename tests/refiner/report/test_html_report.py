"""The HTML page, read back by a parser: facts, safety, sizes, colours. How it behaves: test_html_browser.py."""

import base64
import hashlib
import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from citerefine.refiner.answer import Answer, parse_answer
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet, Usage
from citerefine.refiner.report.answer_json import answer_json
from citerefine.refiner.report.excerpts import CONTEXT, EXCERPT_LIMIT, MAX_PLACES, excerpt, stretches
from citerefine.refiner.report.html_report import DATA_LIMIT, PASSAGE_LIMIT, claim_name, render_html
from citerefine.refiner.report.quotes import Quote
from citerefine.refiner.report.view import view_answer

ASSETS = Path(__file__).resolve().parents[3] / "refiner" / "report"
CSS = "".join((ASSETS / name).read_text() for name in ("page.css", "html_report.css"))
SCRIPT = "".join((ASSETS / name).read_text() for name in ("theme.js", "html_report.js"))

PAYLOADS = [
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "</style><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    '" onmouseover="window.pwned=1" x="',
    "' autofocus onfocus='window.pwned=1",
    "<!-- <script> --><svg/onload=window.pwned=1>",
    "]]><iframe srcdoc='<script>parent.pwned=1</script>'>",
    "javascript:window.pwned=1",
    "JaVaScRiPt:window.pwned=1",
    "\x01javascript:window.pwned=1",
    "data:text/html,<script>window.pwned=1</script>",
    "vbscript:msgbox(1)",
    "{{7*7}}{% for x in range(9) %}x{% endfor %}{# gone #}",
    "\u2028window.pwned=1\u2029",
    "\u202egnp.exe\u202c \u200bzero\u2066width",
    "&lt;b&gt; &amp;amp; &#x3c;i>",
    "https://example.org/\"><script>window.pwned=1</script>",
    "<base href=https://evil.example><meta http-equiv=refresh content=0>",
    "\ud800 lone \x00 nul \x1b[31m",
]
"""Text that must stay text wherever it is put."""

TEXT_FIELDS = ["title", "authors", "venue", "url", "source", "section", "licence", "doi", "text"]
ANSWER_FIELDS = ["question", "model", "notes", "claim", "plain", "code", "unknown id"]


def page(answer: Answer) -> Any:
    """The page as a lenient HTML parser sees it: an lxml element."""
    return html.document_fromstring(render_html(answer))


def data(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page(answer).get_element_by_id("answer").text or "")
    return found


def lake() -> Answer:
    """Two works, one with two passages; claims word for word, reworded, with an unknown id; list and code."""
    survey: dict[str, Any] = {"title": "Perch survey", "authors": ("A. Berg",), "year": 2019, "venue": "Lakes"}
    snippets = [
        Snippet(**survey, doi="10.5555/x", text="Perch doubled in ten years. Pike did not.", section="Results"),
        Snippet(**survey, doi="10.5555/x", text="Nets were changed in 2011.", page=4, start=120, end=146),
        Snippet(
            title="Water report",
            url="https://water.example.org/r",
            text="Phosphorus fell by half. " + "The gauge was read daily. " * 60 + "Ice left earlier each year.",
            licence="CC BY 4.0",
            retrieved_at=datetime(2026, 5, 3, tzinfo=UTC),
        ),
        Snippet(title="Harbour", text="Dredging began in spring."),
    ]
    raw = (
        "<answer># Findings\n\n<snippet id=S1>Perch doubled in ten years.</snippet> Some say more.\n\n"
        "- <snippet id=S2,S3>The nets were new, and phosphorus was halved.</snippet>\n"
        "- <snippet id=S77>Stocking helped.</snippet>\n\n```python\nx = 1 < 2\n```\n\n"
        "<snippet id=S3>Ice left earlier each year.</snippet></answer>"
    )
    return parse_answer(
        raw,
        Evidence(snippets=tuple(snippets)),
        question="Why did perch double?",
        model="extractive",
        usage=Usage(prompt_tokens=3),
        notes=("One index did not answer.",),
    )


def hostile(payload: str, fields: set[str]) -> Answer:
    """An answer of fixed shape with `payload` in the named fields and harmless text in all others."""

    def put(field: str, harmless: str) -> str:
        if field not in fields:
            return harmless
        return payload if field == "url" else f"{harmless} {payload}"

    snippet = Snippet.model_validate(
        {
            "title": put("title", "Title"),
            "authors": (put("authors", "Author"),),
            "venue": put("venue", "Venue"),
            "url": put("url", "not a link"),
            "doi": put("doi", "10.5555/x"),
            "source": put("source", "file.txt"),
            "section": put("section", "Section"),
            "licence": put("licence", "CC0"),
            "text": put("text", "Perch doubled."),
            "id": "s-1_A",
        }
    )
    escaped = {name: put(name, name).replace("<", "&lt;").replace("\n", " ") for name in ("claim", "plain")}
    raw = (
        f"<answer>{escaped['plain']} here. <snippet id=s-1_A>Perch {escaped['claim']}.</snippet>\n\n"
        f"```\n{put('code', 'code')}\n```\n\n<snippet id='{put('unknown id', 'nope')[:30]}'>Other.</snippet></answer>"
    )
    return parse_answer(
        raw,
        Evidence(snippets=(snippet,)),
        question=put("question", "Question?"),
        model=put("model", "model"),
        notes=(put("notes", "note"),),
    )


def skeleton(root: Any) -> Counter[tuple[str, tuple[str, ...]]]:
    """How often each element with its attribute names occurs; not which text stands in them.

    Which spans of a passage are quoted may differ, so `mark` is left out.
    """
    return Counter(
        (str(element.tag), tuple(sorted(element.attrib))) for element in root.iter() if element.tag != "mark"
    )


# --- facts ----------------------------------------------------------------------------------------------------


def test_every_citation_can_be_read_back() -> None:
    answer = lake()
    root = page(answer)
    shown = [
        (span.text_content(), ref.text_content(), ref.get("href", "").removeprefix("#passage-"))
        for span in root.xpath("//span[contains(@class, 'claim')]")
        for ref in span.getnext().xpath(".//a[@class='ref']")
    ]
    expected = [
        (claim.text, mark.label, mark.snippet_id) for claim in view_answer(answer).claims for mark in claim.marks
    ]
    assert shown == expected
    assert [label for _, label, _ in shown] == ["1a", "1b", "2", "2"]


def test_links_lead_both_ways() -> None:
    root = page(lake())
    for link in root.xpath("//a[starts-with(@href, '#')]"):
        assert root.xpath(f"//*[@id={link.get('href')[1:]!r}]"), link.get("href")
    for span in root.xpath("//span[contains(@class, 'claim')]"):
        for ref in span.getnext().xpath(".//a[@class='ref']"):
            passage = root.get_element_by_id(ref.get("href")[1:])
            assert f"#{span.get('id')}" in passage.xpath(".//p[@class='used']/a/@href")
    ids = root.xpath("//@id")
    assert len(ids) == len(set(ids))


def test_each_claim_has_a_card_with_its_quotes() -> None:
    answer = lake()
    root = page(answer)
    for claim in view_answer(answer).claims:
        card = root.get_element_by_id(f"card-{claim.number}")
        button = root.get_element_by_id(f"claim-{claim.number}").getnext().xpath(".//button")[0]
        assert button.get("popovertarget") == card.get("id")
        assert button.get("aria-label") == claim_name(claim)
        quotes = [
            answer.evidence[mark.snippet_id].text[quote.start : quote.end]
            for mark in claim.marks
            for quote in mark.quotes
        ]
        assert [mark.text_content() for mark in card.xpath(".//div[@class='evidence']/blockquote//mark")] == quotes


def test_claim_names() -> None:
    names = [claim_name(claim) for claim in view_answer(lake()).claims]
    assert names == [
        "claim 1, word for word, source 1a",
        "claim 2, not judged, sources 1b and 2",
        "claim 3, uncited",
        "claim 4, word for word, source 2",
    ]


def test_text_is_laid_out_in_blocks() -> None:
    article = page(lake()).get_element_by_id("answer-text")
    assert [block.tag for block in article] == ["h2", "p", "ul", "pre", "p"]
    assert article.xpath("./h2")[0].text_content() == "Findings"
    assert article.xpath("./pre")[0].text_content() == "x = 1 < 2"
    assert len(article.xpath("./ul/li")) == 2


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("3. a\n4. b\n\nc", ["ol", "p"]),
        ("one\ntwo", ["p"]),
        ("- a\nmore of a\n- b", ["ul"]),
        ("#hash\n\n2014. A year", ["p", "ol"]),
        ("-5 degrees", ["p"]),
        ("", []),
    ],
)
def test_blocks(text: str, kinds: list[str]) -> None:
    article = page(parse_answer(f"<answer>{text}</answer>", Evidence())).get_element_by_id("answer-text")
    assert [block.tag for block in article] == kinds


def test_claim_over_several_lines_stays_whole() -> None:
    evidence = Evidence(snippets=(Snippet(text="Perch doubled. Pike fell."),))
    answer = parse_answer("<answer>- <snippet id=S1>Perch doubled.\n- Pike fell.</snippet></answer>", evidence)
    assert page(answer).get_element_by_id("claim-1").text_content() == answer.claims[0].text


def test_header_counts() -> None:
    facts = {
        term.text_content(): term.getnext().text_content().strip()
        for term in page(lake()).xpath("//dl[@class='facts']//dt")
    }
    assert (facts["claims"], facts["cited"], facts["word for word"], facts["of 4 passages used"]) == tuple("4323")
    assert facts["model"] == "extractive"
    assert facts["fingerprint"] == view_answer(lake()).fingerprint


@pytest.mark.parametrize(
    ("raw", "snippets", "sentence"),
    [
        ("", (), "No passages were found, so nothing below is tied to a source."),
        ("", (Snippet(text="a"), Snippet(text="b")), "There is no answer: 2 passages were found, and none was used."),
        ("So.", (Snippet(text="a"),), "Nothing below is tied to a source: no claim cites the one passage found."),
    ],
)
def test_missing_evidence_is_said_at_the_top(raw: str, snippets: tuple[Snippet, ...], sentence: str) -> None:
    root = page(parse_answer(f"<answer>{raw}</answer>", Evidence(snippets=snippets), notes=("Index down.",)))
    assert [said.text_content().strip() for said in root.xpath("//p[@class='unanswered']")] == [sentence]
    assert root.xpath("//ul[@class='notes']/li/text()") == ["Index down."]


def test_answered_page_has_no_such_sentence() -> None:
    assert not page(lake()).xpath("//p[@class='unanswered']")


def test_links_say_where_they_go() -> None:
    links = page(lake()).xpath("//a[@class='out']")
    assert {link.text_content() for link in links} == {
        "Open the source · doi.org",
        "Open at the passage · water.example.org",
    }
    assert {link.get("rel") for link in links} == {"noopener noreferrer nofollow"}


def test_hosts_that_look_alike_are_shown_as_punycode() -> None:
    evidence = Evidence(snippets=(Snippet(text="Perch.", url="https://ехample.org/a"),))  # two Cyrillic letters
    root = page(parse_answer("<answer><snippet id=S1>Perch.</snippet></answer>", evidence))
    assert "xn--" in root.xpath("//span[@class='host']")[0].text_content()


def test_invisible_characters_in_addresses_are_spelled_out() -> None:
    evidence = Evidence(snippets=(Snippet(text="Perch.", url="https://example.org/\u202ea\u200b"),))
    root = page(parse_answer("<answer><snippet id=S1>Perch.</snippet></answer>", evidence))
    assert "⟨U+202E⟩a⟨U+200B⟩" in root.xpath("//span[@class='address']")[0].text_content()


# --- safety ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("field", [*TEXT_FIELDS, *ANSWER_FIELDS])
def test_hostile_text_adds_no_element_and_no_attribute(field: str, payload: str) -> None:
    harmless = "https://example.org/harmless" if payload.startswith("https:") else "harmless"
    benign, attacked = skeleton(page(hostile(harmless, {field}))), skeleton(page(hostile(payload, {field})))
    if field == "unknown id":  # an id that is cut short makes other tags of the answer, not of the page
        assert set(attacked) <= {*benign, *skeleton(page(lake()))}
    else:
        assert attacked == benign


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_everywhere_never_becomes_a_link_or_handler(payload: str) -> None:
    root = page(hostile(payload, {*TEXT_FIELDS, *ANSWER_FIELDS}))
    for element in root.iter():
        assert not any(name.startswith("on") or name in ("style", "src", "srcdoc") for name in element.attrib)
        assert element.get("href", "#").startswith(("#", "https://", "data:,"))
    assert len(root.xpath("//script")) == 2
    assert len(root.xpath("//style")) == 1


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_leaves_the_data_whole(payload: str) -> None:
    answer = hostile(payload, {*TEXT_FIELDS, *ANSWER_FIELDS})
    assert data(answer) == answer_json(answer)
    block = render_html(answer).rpartition('id="answer">')[2].partition("</script>")[0]
    assert not re.search("[<>&\u2028\u2029]", block)


@pytest.mark.parametrize("scheme", ["javascript:", "JAVASCRIPT:", "data:", "vbscript:", "file://", "blob:", "//"])
def test_only_web_addresses_become_links(scheme: str) -> None:
    evidence = Evidence(snippets=(Snippet(text="Perch.", url=f"{scheme}evil.example/alert(1)"),))
    root = page(parse_answer("<answer><snippet id=S1>Perch.</snippet></answer>", evidence))
    assert not root.xpath("//a[@class='out']")


def test_braces_stay_text() -> None:
    answer = hostile("{{7*7}}", {"title", "question"})
    assert "{{7*7}}" in page(answer).xpath("//h1")[0].text_content()
    assert "Title {{7*7}}" in page(answer).xpath("//h3")[0].text_content()


def test_policy_lists_the_hashes_of_what_is_inlined() -> None:
    root = page(lake())
    policy = root.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    inlined = {"style-src": root.xpath("//style")[0], "script-src": root.xpath("//script")[0]}
    for directive, element in inlined.items():
        digest = hashlib.sha256((element.text or "").encode()).digest()
        assert f"{directive} 'sha256-{base64.b64encode(digest).decode()}'" in policy
    for rule in ("default-src 'none'", "img-src data:", "base-uri 'none'", "form-action 'none'"):
        assert rule in policy
    assert not root.xpath("//@style")


def test_page_asks_for_nothing() -> None:
    root = page(lake())
    assert root.xpath("//link/@href") == ["data:,"]
    assert not root.xpath("//@src | //@srcset | //@action | //@ping")
    assert "url(" not in CSS
    assert "@import" not in CSS


def test_script_writes_no_markup() -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function", SCRIPT)


# --- sizes ----------------------------------------------------------------------------------------------------


def test_equal_answers_give_equal_bytes() -> None:
    assert render_html(lake()) == render_html(Answer.model_validate_json(lake().model_dump_json()))


def test_style_and_script_are_small() -> None:
    root = page(lake())
    assert sum(len((root.xpath(f"//{name}")[0].text or "").encode()) for name in ("style", "script")) < 30_000


def test_huge_passage_is_cut_and_the_page_says_so() -> None:
    text = "Perch doubled. " + "x y z " * 1_700_000
    answer = parse_answer(
        "<answer><snippet id=S1>Perch doubled.</snippet></answer>", Evidence(snippets=(Snippet(text=text),))
    )
    rendered = render_html(answer)
    assert len(rendered) < DATA_LIMIT + 200_000
    root: Any = html.document_fromstring(rendered)
    hidden = len(text) - PASSAGE_LIMIT
    assert root.xpath("//p[@class='cut']")[0].text_content() == (
        f"Cut here: {hidden:,} of {len(text):,} characters are not shown."
    )
    assert len(root.xpath("//blockquote[@class='whole']")[0].text_content()) == PASSAGE_LIMIT
    stored = json.loads(root.get_element_by_id("answer").text)
    (snippet,) = stored["snippets"].values()
    assert stored["truncated"] is snippet["truncated"] is True
    assert len(snippet["text"]) == DATA_LIMIT


def test_data_cut_spares_short_passages() -> None:
    snippets = (Snippet(text="Perch doubled."), Snippet(text="a " * 1_500_000), Snippet(text="b " * 900_000))
    answer = parse_answer("<answer><snippet id=S1>Perch doubled.</snippet></answer>", Evidence(snippets=snippets))
    stored = data(answer)
    lengths = [len(snippet["text"]) for snippet in stored["snippets"].values()]
    assert lengths[0] == len("Perch doubled.")
    assert lengths[1] == lengths[2] == (DATA_LIMIT - lengths[0]) // 2


def test_data_of_usual_size_is_whole() -> None:
    assert data(lake()) == answer_json(lake())


def test_passage_cited_by_many_claims_is_not_repeated_without_bound() -> None:
    snippet = Snippet(text="Perch doubled. " + "A filler sentence stands here. " * 90)
    claims = "<snippet id=S1>Perch doubled.</snippet> " * 1000
    rendered = render_html(parse_answer(f"<answer>{claims}</answer>", Evidence(snippets=(snippet,))))
    assert len(rendered) < 4_000_000


# --- excerpts -------------------------------------------------------------------------------------------------


def test_excerpt_of_a_short_passage_is_all_of_it() -> None:
    found = excerpt("Perch doubled. It did.", (Quote(0, 14, True),))
    assert [part.text for part in found.stretches] == ["Perch doubled.", " It did."]
    assert found.n_left_out == 0


def test_excerpt_shows_quotes_with_context() -> None:
    text = "word " * 400 + "Perch doubled. " + "word " * 400
    quote = Quote(2000, 2014, True)
    found = excerpt(text, (quote,))
    shown = "".join(part.text for part in found.stretches)
    assert [part.text for part in found.stretches if part.quote] == ["Perch doubled."]
    assert found.stretches[0].is_gap
    assert found.stretches[-1].is_gap
    assert 2 * CONTEXT <= len(shown) - 14 <= 2 * CONTEXT + 60
    assert found.n_left_out == len(text) - len(shown)


def test_excerpt_is_bounded() -> None:
    text = "Perch doubled. Pike fell. " * 2000
    quotes = tuple(Quote(at, at + 14, True) for at in range(0, len(text), 26))
    found = excerpt(text, quotes)
    assert sum(len(part.text) for part in found.stretches) <= (MAX_PLACES + 1) * EXCERPT_LIMIT
    assert found.n_quotes_left_out == len(quotes) - sum(bool(part.quote) for part in found.stretches)


def test_excerpt_without_quotes_is_the_head() -> None:
    found = excerpt("word " * 400, ())
    assert [part.is_gap for part in found.stretches] == [False, True]


def test_stretches_make_the_text() -> None:
    text = "Perch doubled. It did. So there."
    quotes = (Quote(0, 14, True), Quote(10, 22, False))
    assert "".join(part.text for part in stretches(text, quotes)) == text
    assert "".join(part.text for part in stretches(text, quotes, 5, 20)) == text[5:20]


# --- the JSON form --------------------------------------------------------------------------------------------


def test_answer_json_has_plain_values_in_a_stable_order() -> None:
    answer = lake()
    found = answer_json(answer)
    assert json.loads(json.dumps(found)) == found
    assert list(found) == [
        "question", "text", "tagged", "claims", "snippets", "answered", "issues", "model", "usage", "notes",
    ]
    assert list(found["snippets"]) == [snippet.id for snippet in answer.evidence.snippets]
    first, _, third, fourth = found["snippets"].values()
    always = ["text", "title", "url", "source", "section", "page", "start", "end"]
    assert list(first) == [*always, "authors", "year", "venue", "doi"]
    assert list(third) == [*always, "licence", "retrieved_at"]
    assert list(fourth) == always
    assert third["retrieved_at"] == "2026-05-03T00:00:00+00:00"
    assert found["usage"]["prompt_tokens"] == 3
    for claim in found["claims"]:
        assert found["text"][claim["start"] : claim["end"]] == claim["text"]


# --- colours --------------------------------------------------------------------------------------------------

_PAIR = re.compile(r"--(\w[\w-]*): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")


def palette(index: int) -> dict[str, str]:
    """Colours by name; 0 light, 1 dark."""
    return {name: pair[index] for name, *pair in _PAIR.findall(CSS)}


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("index", [0, 1], ids=["light", "dark"])
def test_text_contrast(index: int) -> None:
    colours = palette(index)
    grounds = ("paper", "panel", "raised")
    pairs = [(ink, ground) for ink in ("ink", "soft", "accent", "alarm", "same") for ground in grounds]
    pairs += [("ink", "tint"), ("accent", "tint"), ("ink", "marked"), ("paper", "accent")]
    assert {pair: ratio for pair in pairs if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < 4.5} == {}


@pytest.mark.parametrize("index", [0, 1], ids=["light", "dark"])
def test_mark_contrast(index: int) -> None:
    colours = palette(index)
    signs, grounds = ("near", "same", "alarm", "accent", "marked-line"), ("paper", "panel", "raised")
    pairs = [(sign, ground) for sign in signs for ground in grounds]
    pairs += [("marked-line", "marked"), ("near", "tint"), ("same", "tint"), ("alarm", "tint")]
    assert {pair: ratio for pair in pairs if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < 3} == {}


def test_preferences_are_respected() -> None:
    for rule in ("prefers-reduced-motion: reduce", "forced-colors: active", "@media print", "light dark"):
        assert rule in CSS
