"""Renders an answer as one HTML page that needs nothing else: no network, no fonts, no server.

In: an `Answer`. Out: a page with the answer, a card of quotes for each claim, the sources, and the answer's JSON.
Equal answers give equal bytes. All text from sources and models is data: it goes through the template's
escaping, into the escaped JSON block, and nowhere else; only http(s) links become links. The page works without
its script, which adds keys, filters and two-way marking. Not here: numbering (view.py), cutting (excerpts.py).
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from citerefine.refiner.answer import Answer
from citerefine.refiner.report.answer_json import answer_json
from citerefine.refiner.report.excerpts import EXCERPT_LIMIT, excerpt, stretches
from citerefine.refiner.report.html_page import asset, inlined, page_environment
from citerefine.refiner.report.view import (
    GLYPHS,
    AnswerView,
    ClaimView,
    Mark,
    Piece,
    SnippetView,
    State,
    link_host,
    view_answer,
)

if TYPE_CHECKING:
    from jinja2 import Environment

PASSAGE_LIMIT: Final = 20_000
"""Characters of a passage that the page shows; what is cut off is counted in words."""
CARD_PASSAGE_LIMIT: Final = 3_000
"""Longest passage that a claim's card repeats in full; for longer ones it leads to the list of sources."""
CARD_TOTAL_LIMIT: Final = 1_000_000
"""Most characters of whole passages in all cards together; beyond it no card repeats any."""
DATA_LIMIT: Final = 2_000_000
"""Characters of all snippet texts in the JSON block; beyond it they are cut and `truncated` is set."""

TEMPLATE: Final = "html_report.html.jinja"


class Sign(NamedTuple):
    """How a claim is marked, and what a reader is told of it."""

    glyph: str
    word: str
    style: str
    """`same`: what it says stands there; `near`: something like it; `none`: nothing backs it."""
    meaning: str


class Filter(NamedTuple):
    """Which claims can be shown alone."""

    value: str
    """As html_report.js knows it: `inexact` are claims whose style is not `same`, `uncited` those of style `none`."""
    words: str
    n_claims: int


_SIGNS: Final = {
    state: Sign(GLYPHS[state], state.value, style, meaning)
    for state, style, meaning in (
        (State.VERBATIM, "same", "Every sentence of the claim stands so in a passage that it cites."),
        (State.CITED, "near", "The claim cites a passage; whether the passage supports it was not judged."),
        (State.UNCITED, "none", "The claim was marked as cited, but no passage has the id given."),
    )
}

_UNSAFE_IN_SCRIPT = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


def render_html(answer: Answer) -> str:
    """The page; the same bytes for the same answer."""
    view = view_answer(answer)
    values = page_values(answer, view, {claim.number: _SIGNS[claim.state] for claim in view.claims}, [*_SIGNS.values()])
    counts = values["counts"]
    return _environment().get_template(TEMPLATE).render(
        **values,
        filters=(
            Filter("inexact", "Not word for word", len(view.claims) - counts[_SIGNS[State.VERBATIM]]),
            Filter("uncited", "Uncited", counts[_SIGNS[State.UNCITED]]),
        ),
        closest="Closest sentence; whether it supports the claim was not judged.",
        css=inlined(__package__, "page.css", "html_report.css"),
        js=inlined(__package__, "theme.js", "html_report.js"),
        data=_data_block(answer),
    )


def page_values(answer: Answer, view: AnswerView, signs: Mapping[int, Sign], legend: Sequence[Sign]) -> dict[str, Any]:
    """What the template shows of an answer; `filters`, `closest` and what blocks need come on top.

    Args:
        answer: what is shown.
        view: its layout.
        signs: of each claim, by number.
        legend: the signs that are explained, the best first.
    """
    return {
        "view": view,
        "blocks": _blocks(view.pieces),
        "cards_repeat_passages": _cards_repeat_passages(view, answer),
        "passage_of": {passage.snippet.id: passage for source in view.sources for passage in source.snippets},
        "signs": signs,
        "legend": legend,
        "counts": {sign: sum(other == sign for other in signs.values()) for sign in legend},
    }


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import FunctionLoader

    environment = page_environment()
    environment.loader = FunctionLoader(lambda name: asset(__package__, name))
    add_report_names(environment)
    return environment


def add_report_names(environment: "Environment") -> None:
    """Gives an environment what the template calls."""
    environment.globals |= {
        "CARD_PASSAGE_LIMIT": CARD_PASSAGE_LIMIT,
        "EXCERPT_LIMIT": EXCERPT_LIMIT,
        "PASSAGE_LIMIT": PASSAGE_LIMIT,
        "excerpt": excerpt,
        "link_host": link_host,
        "stretches": stretches,
    }
    environment.filters |= {
        "claim_name": claim_name,
        "mark_name": _mark_name,
        "link_words": _link_words,
    }


def _cards_repeat_passages(view: AnswerView, answer: Answer) -> bool:
    lengths = (len(answer.evidence[mark.snippet_id].text) for claim in view.claims for mark in claim.marks)
    return sum(length for length in lengths if length <= CARD_PASSAGE_LIMIT) <= CARD_TOTAL_LIMIT


# --- the answer's text ----------------------------------------------------------------------------------------


class Block(NamedTuple):
    """A paragraph, heading, list or code block of the answer."""

    kind: str
    """`p`, `h`, `ul`, `ol` or `pre`."""
    rows: tuple[tuple[Piece, ...], ...]
    """The items of a list; one row for all else."""
    first: int = 1
    """Number of an ordered list's first item."""


_HEADING = re.compile(r"\s{0,3}#{1,6}\s+")
_BULLET = re.compile(r"\s*[-*+•]\s+")
_NUMBER = re.compile(r"\s*(\d{1,4})[.)]\s+")


def _blocks(pieces: tuple[Piece, ...]) -> list[Block]:
    """The answer's lines as blocks: blank lines part paragraphs; `#`, `-` and `1.` open headings and items."""
    blocks, open_paragraph = list[Block](), False
    for line in _lines(pieces):
        if not line or line[0].is_code:
            blocks += [Block("pre", (_without_fences(line),))] if line else []
            open_paragraph = False
            continue
        block = _read_line(line)
        last = blocks[-1] if blocks else None
        if open_paragraph and last is not None and block.kind == "p" and last.kind != "h":
            glued = (*last.rows[-1], Piece("\n", None), *block.rows[0])  # a line break within a paragraph or item
            blocks[-1] = last._replace(rows=(*last.rows[:-1], glued))
        elif last is not None and block.kind == last.kind and block.kind in ("ul", "ol"):
            blocks[-1] = last._replace(rows=last.rows + block.rows)
        else:
            blocks.append(block)
        open_paragraph = True
    return blocks


def _lines(pieces: tuple[Piece, ...]) -> list[tuple[Piece, ...]]:
    """The pieces line by line; a claim or code block with line ends in it stays in one; blank lines are empty."""
    lines: list[list[Piece]] = [[]]
    for piece in pieces:
        if piece.is_code:
            lines += [[piece], []]
            continue
        parts = [piece.text] if piece.claim else piece.text.split("\n")
        for index, part in enumerate(parts):
            if index:
                lines.append([])
            if part.strip():
                lines[-1].append(piece._replace(text=part))
            elif part and lines[-1]:
                lines[-1].append(Piece(part, None))
    return [tuple(line) for line in lines]


def _read_line(line: tuple[Piece, ...]) -> Block:
    """What a line opens; its marker is left out. A marker within a claim is the claim's text and stays."""
    text = "" if line[0].claim else line[0].text
    for kind, marker in (("h", _HEADING), ("ul", _BULLET), ("ol", _NUMBER)):
        found = marker.match(text)
        rest = text[found.end() :] if found else ""
        if found and (rest.strip() or len(line) > 1):
            row = ((Piece(rest, None), *line[1:]) if rest else line[1:],)
            return Block(kind, row, int(found[1]) if kind == "ol" else 1)
    return Block("p", (line,))


def _without_fences(line: tuple[Piece, ...]) -> tuple[Piece, ...]:
    rows = line[0].text.split("\n")
    fence = rows[0].lstrip()[:3]
    if fence in ("```", "~~~"):
        rows = rows[1:]
        if rows and not rows[-1].strip().strip(fence[0]):
            rows = rows[:-1]
    return (line[0]._replace(text="\n".join(rows)),)


# --- words ----------------------------------------------------------------------------------------------------


def claim_name(claim: ClaimView, word: str | None = None) -> str:
    """What a screen reader says for a claim: `claim 4, word for word, sources 1 and 3b`.

    Args:
        claim: the claim.
        word: of its sign; None stands for that of its state.
    """
    labels = [mark.label for mark in claim.marks]
    named = f"claim {claim.number}, {word or claim.state}"
    if not labels:
        return named
    if len(labels) == 1:
        return f"{named}, source {labels[0]}"
    return f"{named}, sources {', '.join(labels[:-1])} and {labels[-1]}"


def _mark_name(mark: Mark | SnippetView) -> str:
    """`source 3, passage b`"""
    number = mark.label.rstrip("abcdefghijklmnopqrstuvwxyz")
    letters = mark.label[len(number) :]
    return f"source {number}, passage {letters}" if letters else f"source {number}"


def _link_words(link: str) -> str:
    if "#:~:text=" in link:
        return "Open at the passage"
    return f"Open page {link.rpartition('#page=')[2]}" if "#page=" in link else "Open the source"


# --- the data block -------------------------------------------------------------------------------------------


def _data_block(answer: Answer) -> str:
    """The answer's JSON, so escaped that nothing in it can end the script element that holds it."""
    data = answer_json(answer)
    texts = [snippet["text"] for snippet in data["snippets"].values()]
    if sum(map(len, texts)) > DATA_LIMIT:
        share = _fair_share(sorted(map(len, texts)), DATA_LIMIT)
        data["truncated"] = True
        for snippet in data["snippets"].values():
            if len(snippet["text"]) > share:
                snippet |= {"text": snippet["text"][:share], "truncated": True}
    dumped = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return _UNSAFE_IN_SCRIPT.sub(lambda match: f"\\u{ord(match[0]):04x}", dumped)


def _fair_share(lengths: list[int], total: int) -> int:
    """The largest length to cut to so that all together are at most `total`.

    Args:
        lengths: in ascending order.
        total: less than their sum.
    """
    for index, length in enumerate(lengths):
        share = total // (len(lengths) - index)
        if length > share:
            return share
        total -= length
    return lengths[-1]
