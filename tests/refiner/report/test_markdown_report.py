"""Markdown is read back with a CommonMark parser that also knows footnotes, and compared with the view."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from citerefine.refiner.answer import Answer, parse_answer
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet
from citerefine.refiner.report.markdown_report import render_markdown
from citerefine.refiner.report.phrases import excerpts, short_name
from citerefine.refiner.report.terminal_text import ascii_url, sanitise
from citerefine.refiner.report.view import AnswerView, Mark, Piece, view_answer
from citerefine.refiner.tags.markup import escape_prose

STYLES = ["footnotes", "numeric", "inline"]
LETTERS = "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ"
PLAIN = "abcdefghijklmnoprstuvwxyz"
REF = re.compile(rf"\[\^(\d+)\]([{LETTERS}]*)(?:\\\(([a-z]+)\))?")
DEFINITION = re.compile(r"\[\^(\d+)\]: ?")


# --- reading --------------------------------------------------------------------------------------------------


def footnote_ref(state: StateInline, silent: bool) -> bool:
    found = REF.match(state.src, state.pos)
    if not found:
        return False
    if not silent:
        token = state.push("mark", "", 0)
        token.content = found[1] + found[2].translate(str.maketrans(LETTERS, PLAIN)) + (found[3] or "")
    state.pos = found.end()
    return True


def footnote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A definition and the indented lines behind it, its content left to be parsed."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    found = DEFINITION.match(line)
    if not found or state.sCount[start] - state.blkIndent >= 4:
        return False
    if not silent:
        lines, at = [line[found.end() :]], start + 1
        while at < end and (state.isEmpty(at) or state.sCount[at] >= 4):
            lines.append(state.src[state.bMarks[at] : state.eMarks[at]].removeprefix("    "))
            at += 1
        token = state.push("footnote", "", 0)
        token.content, token.info = "\n".join(lines), found[1]
        state.line = at
    return True


PARSER = MarkdownIt("commonmark")
BARE = MarkdownIt("commonmark")
PARSER.inline.ruler.before("link", "mark", footnote_ref)
PARSER.block.ruler.before("reference", "footnote", footnote, {"alt": ["paragraph", "reference", "list"]})


def split(markdown: str) -> tuple[dict[str, Any], str]:
    """Front matter and the rest, as simple tools split them."""
    head, front, body = re.split(r"^---\n", markdown, maxsplit=2, flags=re.MULTILINE)
    assert head == ""
    return yaml.safe_load(front), body


def flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from flat(token.children or [])
        if token.type == "footnote":
            yield from flat(PARSER.parse(token.content))


def links(tokens: list[Token]) -> set[str]:
    return {str(token.attrs["href"]) for token in flat(tokens) if token.type == "link_open"}


def answer_tokens(body: str) -> list[Token]:
    """The tokens of the answer's text: behind question and warning, before notes, references and footnotes."""
    tokens = PARSER.parse(body)
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        tokens = tokens[3:]
    if len(tokens) > 1 and tokens[1].content.startswith("**Not answered"):
        tokens = tokens[3:]
    ends = [n for n, token in enumerate(tokens) if token.type in ("heading_open", "footnote")]
    return tokens[: ends[0]] if ends else tokens


def read_text(body: str) -> str:
    """All words of the answer with marks as ⟦3b⟧, without white space."""
    parts: list[str] = []
    for token in flat(answer_tokens(body)):
        if token.type == "list_item_open":
            parts.append(token.info + token.markup)
        elif token.type == "mark":
            parts.append(f"⟦{token.content}⟧")
        elif token.type == "link_open":
            parts.append("⟦")
        elif token.type == "link_close":
            parts.append("⟧")
        elif token.type in ("text", "fence", "code_block"):
            parts.append(token.content)
        else:
            assert not token.content or token.type == "inline", token
    return squeezed("".join(parts)).replace("⟦[", "⟦").replace("]⟧", "⟧")


def squeezed(text: str) -> str:
    return "".join(text.split())


def expected_text(view: AnswerView, style: str) -> str:
    return squeezed("".join(piece_text(piece, view, style) for piece in view.pieces))


def piece_text(piece: Piece, view: AnswerView, style: str) -> str:
    if piece.is_code and "\n" in piece.text:
        return "\n".join(piece.text.split("\n")[1:-1])
    text = sanitise(piece.text)
    if piece.claim is None:
        return text
    if not piece.claim.marks:
        return text + "(uncited)"
    return text + written_marks(piece.claim.marks, view, style)


def written_marks(marks: tuple[Mark, ...], view: AnswerView, style: str) -> str:
    if style != "inline":
        return "".join(f"⟦{mark.label}⟧" for mark in marks)
    names = {source.number: short_name(source) for source in view.sources}
    return "(" + "; ".join(f"{names[mark.source]} [{mark.label}]" for mark in marks) + ")"


def assert_harmless(body: str, view: AnswerView) -> None:
    known = {source.link for source in view.sources}
    known |= {snippet.link for source in view.sources for snippet in source.snippets}
    allowed = {PARSER.normalizeLink(ascii_url(link)) for link in known if link} | {"#references"}
    for parser in (PARSER, BARE):
        tokens = parser.parse(body)
        types = {token.type for token in flat(tokens)}
        assert not types & {"html_block", "html_inline", "image", "hr", "lheading_open"}
        assert links(tokens) <= allowed
    headings = [token.tag for token in PARSER.parse(body) if token.type == "heading_open"]
    assert headings == sorted(headings)
    assert headings.count("h2") <= 2
    notes = [int(token.info) for token in PARSER.parse(body) if token.type == "footnote"]
    assert notes in ([], [source.number for source in view.sources])


# --- answers --------------------------------------------------------------------------------------------------


def perch(**fields: Any) -> Answer:
    evidence = Evidence(snippets=(
        Snippet(
            text="Nets were set each June. Perch numbers doubled between 2001 and 2011. Roach fell.",
            title="Fish of Lake Ellen",
            authors=("A. Berg", "S. Lund", "T. Alm", "O. Ek"),
            venue="Lake Letters",
            year=2019,
            doi="10.5555/ellen",
            section="Results",
            page=4,
            licence="CC BY 4.0",
            retrieved_at=datetime(2025, 3, 1, tzinfo=UTC),
        ),
        Snippet(text="Roach fell by half in the same years.", doi="10.5555/ellen", page=5),
        Snippet(text="Salinity was 0.3 g/L.", title="Water", authors=("Ruud, I.",), url="https://water.example/a (b)"),
        Snippet(text="Salt: 0.3 g/L.", title="Salt", url="https://water.example/salt"),
    ))  # fmt: skip
    raw = (
        "<answer><snippet id=S1>Perch doubled.</snippet> And <snippet id=S4,S2>roach fell by half</snippet> then.\n"
        "\n- <snippet id=nobody>Pike vanished</snippet></answer>"
    )
    return parse_answer(raw, evidence, question="What became of the fish?", model="extractive", **fields)


def test_footnotes_look_like_this() -> None:
    assert render_markdown(perch(notes=("One of two sources was not reachable.",))) == """\
---
question: What became of the fish?
model: extractive
fingerprint: FINGERPRINT
claims: 3
cited: 2
snippets: 4
---

# What became of the fish?

Perch doubled.[^1]ᵃ And roach fell by half[^2] [^1]ᵇ then.

- Pike vanished (uncited)

## Notes

- One of two sources was not reachable.
- In the model's text: an id that no snippet has; the citation was removed: 'nobody'

[^1]: **Fish of Lake Ellen**. A. Berg et al. Lake Letters. 2019. Licence: CC BY 4.0. Retrieved 2025-03-01. \
<https://doi.org/10.5555/ellen>

    \\[1a\\] Results, page 4, nearest sentence:

    > Perch numbers doubled between 2001 and 2011.

    \\[1b\\] page 5, nearest sentence:

    > Roach fell by half in the same years.

[^2]: **Salt**. <https://water.example/salt>

    no sentence resembles the claim, the passage begins:

    > Salt: 0.3 g/L.
""".replace("FINGERPRINT", view_answer(perch()).fingerprint)


def test_other_styles_carry_the_same_citations() -> None:
    numeric, inline = (render_markdown(perch(), style) for style in ("numeric", "inline"))
    assert "Perch doubled. [\\[1a\\]](<https://doi.org/10.5555/ellen>) And roach" in numeric
    assert "Perch doubled. (Berg et al. 2019 \\[1a\\]) And roach fell by half (Salt \\[2\\]; Berg et al" in inline
    assert "1. Berg et al. 2019: **Fish of Lake Ellen**." in inline
    with pytest.raises(ValueError, match="'apa'; use one of footnotes, numeric, inline"):
        render_markdown(perch(), "apa")


@pytest.mark.parametrize("style", STYLES)
def test_claims_and_marks_are_read_back(style: str) -> None:
    view = view_answer(perch())
    assert read_text(split(render_markdown(perch(), style))[1]) == expected_text(view, style)


@pytest.mark.parametrize("style", STYLES)
def test_sources_and_quotes_are_read_back(style: str) -> None:
    view = view_answer(perch())
    tokens = PARSER.parse(split(render_markdown(perch(), style))[1])
    if style == "footnotes":
        notes = {int(token.info): PARSER.parse(token.content) for token in tokens if token.type == "footnote"}
    else:
        starts = [n for n, token in enumerate(tokens) if token.type == "list_item_open" and token.info]
        notes = {
            int(tokens[start].info): tokens[start:end]
            for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True)
        }
    assert list(notes) == [source.number for source in view.sources]
    for source in view.sources:
        texts = [token.content for token in flat(notes[source.number]) if token.type == "text"]
        for snippet in source.snippets:
            assert all(line in texts for line in excerpts(snippet))
            if len(source.snippets) > 1:
                assert any(text.startswith(f"[{snippet.label}] ") for text in texts)
        assert source.title in texts
        assert source.link in links(notes[source.number])


# --- hostile text ---------------------------------------------------------------------------------------------

PAYLOADS = [
    "![x](https://evil.example/x.png)",
    "[click](javascript:alert(1)) and [ref][1]",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "<https://evil.example> https://evil.example www.evil.example",
    "<!-- hidden --> <b>bold</b> &lt;b&gt; &#60;",
    "[1]: https://evil.example\n\n[1] [^1]",
    "[^1]: https://evil.example\n\n    [^1] ![^1]",
    "a | b\n--- | ---\n1 | 2",
    "a\n===\nb\n---\nc\n***\n# d\n#### e ####",
    "`` ` ``` ~~~ `a`\n    indented <b>",
    "~~~\n<script>\n",
    "{{7*7}} {% raw %} $x$ ~~y~~",
    "a: b\n---\n",
    "--- \n...\n!!python/object:os.system\n",
    "> quoted\n>> deeper\n+ item\n  1) x\n  7) y\n1986. no list\n- - - -\n* * *",
    "\\",
    "wow!",
    "*a* _b_ **c** __d__ *",
    "(https://evil.example)",
    ": [x](y)",
    "\x1b]52;c;aGk=\x07\u202eevil\u202c\u200b\x9b2J\x00",
    "中文 [文](http://x.example) é",
]


def attacked(field: str, payload: str) -> Answer:
    snippet: dict[str, Any] = {"text": "Perch doubled. It rained.", "title": "Fish", "url": "https://a.example/x"}
    other = Snippet(text="Roach fell.", title="Other", url="https://b.example/y")
    claim, before, after = "Perch doubled.", "So: ", " (then)"
    fields: dict[str, Any] = {"question": "Q?", "model": "m", "notes": ()}
    if field in ("question", "model"):
        fields[field] = payload
    elif field == "notes":
        fields["notes"] = (payload,)
    elif field == "claim":
        claim = payload
    elif field == "around":
        before = after = payload
    elif field == "authors":
        snippet["authors"] = (payload, "B. Second")
    else:
        snippet[field] = payload
    evidence = Evidence(snippets=(Snippet(**snippet), other))
    raw = (
        f"<answer>{escape_prose(before, True)}<snippet id=S1,S2>{escape_prose(claim, False)}</snippet>"
        f"{escape_prose(after, False)}\n\nlast <snippet id=S1>{escape_prose(claim, False)}</snippet>"
        f"<snippet id=gone>{escape_prose(payload, False)}</snippet></answer>"
    )
    return parse_answer(raw, evidence, **fields)


SNIPPET_FIELDS = ["text", "title", "authors", "venue", "doi", "url", "source", "section", "licence"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("field", ["question", "model", "notes", "claim", "around", *SNIPPET_FIELDS])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_payloads_stay_text(payload: str, field: str, style: str) -> None:
    answer = attacked(field, payload)
    view = view_answer(answer)
    front, body = split(render_markdown(answer, style))
    assert_harmless(body, view)
    assert front["question"] == answer.question
    assert front["model"] == answer.model
    if style != "inline":  # there, what looks like a mark is spaced out
        assert read_text(body) == expected_text(view, style)


def test_a_scheme_that_is_never_linked_is_told() -> None:
    answer = attacked("url", "javascript:alert(1)")
    assert "Not linked: javascript:alert(1)" in render_markdown(answer)
    assert "[\\[1\\]](#references)" in render_markdown(answer, "numeric")


def test_addresses_are_encoded() -> None:
    answer = attacked("url", "https://bücher.example/a_(b)<c>\\|é")
    assert "<https://xn--bcher-kva.example/a_%28b%29%3Cc%3E%5C%7C%C3%A9>" in render_markdown(answer)


def test_marks_typed_by_the_model_are_no_marks() -> None:
    evidence = Evidence(snippets=(Snippet(text="Perch doubled.", title="Fish"),))
    raw = "<answer>It rained [1] and [^1]. <snippet id=S1>Perch doubled.</snippet></answer>"
    answer = parse_answer(raw, evidence)
    marks = [token for token in flat(PARSER.parse(render_markdown(answer))) if token.type == "mark"]
    assert [mark.content for mark in marks] == ["1"]
    assert "It rained \\[1\\] and" in render_markdown(answer, "numeric")
    assert "It rained \\[ 1 \\] and" in render_markdown(answer, "inline")


# --- layout ---------------------------------------------------------------------------------------------------


def body_of(raw: str) -> str:
    evidence = Evidence(snippets=(Snippet(text="Perch doubled.", title="Fish"),))
    return split(render_markdown(parse_answer(f"<answer>{raw}</answer>", evidence)))[1]


def test_code_with_fences_inside_stays_code() -> None:
    body = body_of("See:\n~~~python\nx = '''\n```\n````\n'''\n[^1]: <b>\n~~~\nand <snippet id=S1>so</snippet>")
    code = [token for token in answer_tokens(body) if token.type == "fence"]
    assert [(token.info, token.content) for token in code] == [
        ("python", "x = '''\n```\n````\n'''\n[^1]: <b>\n"),
    ]
    assert read_text(body).endswith("andso⟦1⟧")


def test_unclosed_code_is_closed() -> None:
    body = body_of("<snippet id=S1>so</snippet>\n```\nx = 1\n\ny = 2")
    assert [token.content for token in answer_tokens(body) if token.type == "fence"] == ["x = 1\n\ny = 2\n"]
    assert "[^1]: " in body


def test_fence_characters_within_a_line_are_text() -> None:
    assert "\\`\\`\\`x\\`\\`\\` y" in body_of("```x``` y")


def test_lists_stay_lists() -> None:
    body = body_of(
        "Found:\n- one\n  - inner\n  two lines\n- <snippet id=S1>two</snippet>\n\n3. three\n4. four\n9. nine\n1986. was"
    )
    assert body.split("\n\n[^1]")[0].strip() == """\
Found:

- one
  - inner\\
    two lines
- two[^1]

3. three
4. four

9\\. nine\\
1986\\. was"""


def test_lists_of_two_kinds_do_not_melt_together() -> None:
    body = body_of("<snippet id=S1>Wow!</snippet>\n- a\n2. b\n* c")
    assert body.strip().startswith("Wow\\![^1]\n\n- a\n\n2. b\n\n* c")


def test_line_breaks_and_paragraphs_stay() -> None:
    assert body_of("a\nb  \n\n\nc").startswith("\n**Not answered from sources: no claim cites the one snippet")
    assert "\n\na\\\nb\n\nc" in body_of("a\nb  \n\n\nc")


def test_nothing_to_show() -> None:
    front, body = split(render_markdown(parse_answer("<answer></answer>", Evidence())))
    assert front["snippets"] == front["claims"] == 0
    assert front["question"] == ""
    assert body.startswith("\n**Not answered from sources: no snippets were found.**\n")


@pytest.mark.parametrize("style", ["footnotes", "numeric", "inline"])
def test_without_its_head_it_is_the_same_from_the_first_word_of_the_answer_on(style: str) -> None:
    evidence = Evidence([Snippet(id="S1", text="Perch doubled by 2010.")])
    for tagged in ("<answer><snippet id=S1>Perch doubled.</snippet></answer>", "<answer>Nobody knows.</answer>"):
        answer = parse_answer(tagged, evidence, question="Did perch double?")
        head, body = render_markdown(answer, style).split("# Did perch double?\n\n")
        assert head.startswith("---\n")
        assert render_markdown(answer, style, headed=False) == body


def test_long_snippets_are_not_quoted_whole() -> None:
    text = "Filler words go here. " * 500 + "Perch doubled. " + "More filler follows now. " * 500
    answer = parse_answer(
        "<answer><snippet id=S1>Perch doubled.</snippet> <snippet id=S2>no match zzz</snippet></answer>",
        Evidence(snippets=(Snippet(text=text), Snippet(text="word " * 5000, title="B"))),
    )
    markdown = render_markdown(answer)
    assert "    > Perch doubled.\n" in markdown
    assert len(markdown) < 2000
    assert markdown.count(" …") == 1


def test_more_letters_than_the_alphabet() -> None:
    snippets = tuple(Snippet(text=f"Fact {n}.", url="https://a.example/x") for n in range(30))
    raw = " ".join(f"<snippet id=S{n + 1}>Fact {n}.</snippet>" for n in range(30))
    answer = parse_answer(f"<answer>{raw}</answer>", Evidence(snippets=snippets))
    assert "Fact 16.[^1]\\(q)" in render_markdown(answer)
    assert "Fact 29.[^1]ᵃᵈ" in render_markdown(answer)
    assert read_text(split(render_markdown(answer))[1]) == expected_text(view_answer(answer), "footnotes")


# --- any text -------------------------------------------------------------------------------------------------

NASTY = st.text(st.sampled_from("\\`*_[]()<>|#-+=:!~$&{}^@.0123 \n\t/aw\"'\r\x1b\u200b\u2028\u3000中"), max_size=40)
ANY = st.one_of(NASTY, st.text(max_size=40))


@given(before=ANY, claim=ANY, after=ANY, quote=ANY, title=ANY, question=ANY, style=st.sampled_from(STYLES))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_back(
    before: str, claim: str, after: str, quote: str, title: str, question: str, style: str
) -> None:
    evidence = Evidence(snippets=(
        Snippet(text=f"{quote} {claim}x", title=title, url="https://a.example/x"),
        Snippet(text=f"y{quote}", title=title),
    ))  # fmt: skip
    raw = (
        f"<answer>{escape_prose(before, True)}<snippet id=S1,S2>{escape_prose(claim, False)}</snippet>"
        f"{escape_prose(after, False)}</answer>"
    )
    answer = parse_answer(raw, evidence, question=question)
    view = view_answer(answer)
    front, body = split(render_markdown(answer, style))
    assert front["question"] == answer.question
    assert_harmless(body, view)
    if style != "inline":
        assert read_text(body) == expected_text(view, style)
