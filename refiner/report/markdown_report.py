"""Writes an answer as Markdown: footnotes, numbered links, or author and year.

In: an `Answer`. Out: one Markdown text with YAML front matter; numbers and letters are those of the view, so two
exports of one answer agree. All foreign text is escaped; raw HTML, images and links other than to the cited
sources cannot occur. Equal answers give equal text. Not here: escaping (markdown_text.py), wording (phrases.py).
"""

from collections.abc import Callable, Iterator

from citerefine.refiner.answer import Answer
from citerefine.refiner.report.lines import Code, Line, cut_lines, without_label_likes
from citerefine.refiner.report.markdown_text import autolink, escape, escape_line, link, write_blocks
from citerefine.refiner.report.phrases import (
    excerpts,
    not_answered,
    passage,
    remarks,
    short_name,
    title,
    unlinked_address,
)
from citerefine.refiner.report.terminal_text import one_line, sanitise
from citerefine.refiner.report.view import AnswerView, ClaimView, Mark, SnippetView, SourceView, view_answer

_SUPERSCRIPTS = dict(zip("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))
_INDENT = "    "


def render_markdown(answer: Answer, style: str = "footnotes", *, headed: bool = True) -> str:
    """The answer as Markdown.

    Args:
        answer: what to show.
        style: `footnotes` for `[^3]` with the quotes in the notes; `numeric` for `[3b]` that links to the passage,
            and a list of references; `inline` for `(Berg 2019 [3b])` and a list, for readers without a renderer.
        headed: whether it begins with front matter and the question; not where it stands below the question already.

    Raises:
        ValueError: `style` is none of these.
    """
    if style not in _STYLES:
        raise ValueError(f"no Markdown style is called {style!r}; use one of {', '.join(_STYLES)}")
    view = view_answer(answer)
    head = [_front_matter(view), *_heading(view)] if headed else []
    blocks = [*head, *_warning(view), *_STYLES[style](view)]
    if notes := [f"- {escape_line(remark)}" for remark in remarks(view)]:
        blocks += ["## Notes", "\n".join(notes)]
    if style == "footnotes":
        blocks += [_footnote(source) for source in view.sources]
    return "\n\n".join(blocks) + "\n"


def _front_matter(view: AnswerView) -> str:
    import yaml

    fields = {
        "question": view.question,
        "model": view.model or None,
        "fingerprint": view.fingerprint,
        "claims": len(view.claims),
        "cited": view.n_cited,
        "snippets": view.n_snippets,
    }
    lines = [
        yaml.safe_dump(
            {name: value},
            width=10**9,
            # A value with line breaks would put its own `---` on a line; hidden characters are better spelt out.
            default_style='"' if isinstance(value, str) and len(value.splitlines()) > 1 else None,
            allow_unicode=not isinstance(value, str) or value == sanitise(value),
        )
        for name, value in fields.items()
    ]
    return f"---\n{''.join(lines)}---"


def _heading(view: AnswerView) -> Iterator[str]:
    if question := one_line(view.question):
        yield "# " + escape(question).replace("#", "\\#")


def _warning(view: AnswerView) -> Iterator[str]:
    if sentence := not_answered(view):
        yield f"**{escape(sentence)}**"


# --- styles ---------------------------------------------------------------------------------------------------


def _with_footnotes(view: AnswerView) -> list[str]:
    def cite(mark: Mark) -> str:
        letters = mark.label.removeprefix(str(mark.source))
        small = "".join(_SUPERSCRIPTS.get(letter, " ") for letter in letters)
        return f"[^{mark.source}]" + (f"\\({letters})" if " " in small else small)

    return _text(cut_lines(view), lambda marks: " ".join(map(cite, marks)))


def _with_numbers(view: AnswerView) -> list[str]:
    links = {snippet.label: snippet.link for source in view.sources for snippet in source.snippets}

    def cite(mark: Mark) -> str:
        # A source without an address leads to the list: a bare `[3b]` could as well be the model's own text.
        label, url = rf"\[{mark.label}\]", links[mark.label]
        return link(label, url) if url else f"[{label}](#references)"

    blocks = _text(cut_lines(view), lambda marks: " " + " ".join(map(cite, marks)))
    return [*blocks, *_references(view, lambda source: "")]


def _with_names(view: AnswerView) -> list[str]:
    names = {source.number: short_name(source) for source in view.sources}

    def cite(marks: tuple[Mark, ...]) -> str:
        parts = (rf"{escape(without_label_likes(names[mark.source]))} \[{mark.label}\]" for mark in marks)
        return f" ({'; '.join(parts)})"

    lines = (
        block
        if isinstance(block, Code)
        else tuple(run._replace(text=without_label_likes(run.text)) for run in block)
        for block in cut_lines(view)
    )
    blocks = _text(lines, cite)
    return [*blocks, *_references(view, lambda source: f"{escape_line(names[source.number])}: ")]


_STYLES: dict[str, Callable[[AnswerView], list[str]]] = {
    "footnotes": _with_footnotes,
    "numeric": _with_numbers,
    "inline": _with_names,
}


def _text(lines: Iterator[Line | Code], cite: Callable[[tuple[Mark, ...]], str]) -> list[str]:
    """The answer's text as one block of Markdown; none if it is empty."""

    def marks(claim: ClaimView) -> str:
        return cite(claim.marks) if claim.marks else " (uncited)"

    written = write_blocks(lines, marks)
    return ["\n".join(written)] if written else []


# --- sources --------------------------------------------------------------------------------------------------


def _footnote(source: SourceView) -> str:
    """A footnote whose first line holds several words: `[^1]: word` is a link definition in plain CommonMark."""
    return _indented(f"[^{source.number}]: ", _INDENT, [_source_line(source), *_passages(source)])


def _references(view: AnswerView, name: Callable[[SourceView], str]) -> Iterator[str]:
    if view.sources:
        yield "## References"
    for source in view.sources:
        number = f"{source.number}. "
        yield _indented(number, " " * len(number), [name(source) + _source_line(source), *_passages(source)])


def _indented(first: str, indent: str, blocks: list[str]) -> str:
    lines = "\n\n".join(blocks).split("\n")
    return first + "\n".join([lines[0], *(indent + line if line else line for line in lines[1:])])


def _source_line(source: SourceView) -> str:
    """Title, authors, venue, year, address, licence and day of retrieval."""
    first = source.snippets[0].snippet
    name = title(source)
    parts = [f"**{escape(name)}**" + _stop(name)]
    if byline := one_line(source.byline):
        parts.append(escape(byline) + _stop(byline))
    if licence := one_line(first.licence or ""):
        parts.append(f"Licence: {escape(licence)}{_stop(licence)}")
    if first.retrieved_at is not None:
        parts.append(f"Retrieved {first.retrieved_at.date().isoformat()}.")
    if source.link:
        parts.append(autolink(source.link))
    elif address := unlinked_address(source):
        parts.append(f"Not linked: {escape(address)}")
    else:
        parts.append("No address is known.")
    return " ".join(parts)


def _stop(text: str) -> str:
    return "" if text.endswith((".", "?", "!", "…", "。", "？", "！")) else "."


def _passages(source: SourceView) -> Iterator[str]:
    """For each snippet a line that says where it stands, and its quotes."""
    for snippet in source.snippets:
        yield _passage_line(snippet, source)
        yield "\n>\n".join(f"> {escape_line(line)}" for line in excerpts(snippet))


def _passage_line(snippet: SnippetView, source: SourceView) -> str:
    label = rf"\[{snippet.label}\] " if len(source.snippets) > 1 else ""
    opens = f", {link('open there', snippet.link)}" if snippet.link and snippet.link != source.link else ""
    return f"{label}{escape_line(passage(snippet))}{opens}:"
