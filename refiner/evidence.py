"""The evidence of one question: the only way from an id to a snippet.

In: snippets that tools returned. Out: `Evidence`, which looks ids up, gives each snippet a short alias (S1…Sn, in
order) and renders them for a prompt; `read_tool_output`, which reads such a rendering, or the raw tool output of
other systems, back into snippets. Evidence never comes from a transcript or from a model: nothing here reads
one. A foreign tool channel that does not escape its text can be read, but what a page wrote into it as markup
cannot be told from what the tool wrote; hand over records instead where you can.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, PrivateAttr, ValidationError

from citerefine.refiner.errors import EvidenceError
from citerefine.refiner.records import Record, Snippet, normalised
from citerefine.refiner.tags.attributes import read_attributes
from citerefine.refiner.tags.markup import ID_PATTERN, escape_for_prompt, scrub, unescape

_FIELDS = {"title": "Title", "url": "URL"}
_TEXT_LABELS = ("Text: ", "Snippet: ", "Content: ")
_PAGE_LABELS = ("Search Snippet: ", "Full Text: ", "...\nFull Text: ", "Summary: ")
"""How a text begins that dr_agent made of several: what its search showed, what it read, what a model made of it."""
_BLOCK_TAG = re.compile(r"<(/?)(?ai:snippet|webpage)(?=[\s/>])([^<>]*+)>")
_ID = re.compile(ID_PATTERN)


def _each_id_once(snippets: tuple[Snippet, ...]) -> tuple[Snippet, ...]:
    first: dict[str, Snippet] = {}
    for snippet in snippets:
        known = first.setdefault(snippet.id, snippet)
        if known is not snippet and normalised(known.text) != normalised(snippet.text):
            raise EvidenceError(
                f"two snippets have the id {snippet.id!r} and different texts ({known.text[:60]!r} and "
                f"{snippet.text[:60]!r}); give each its own id, or leave ids out to have them derived"
            )
    return tuple(first.values())


class Evidence(Record):
    """The snippets of one question, in the order given, each id once.

    Snippets are looked up by id (`evidence["3f9a…"]`) or by what a tag says (`resolve`). Adding snippets gives a
    new Evidence. Raises EvidenceError where one id stands for two texts.
    """

    snippets: Annotated[tuple[Snippet, ...], AfterValidator(_each_id_once)] = ()
    _by_id: dict[str, Snippet] = PrivateAttr(default_factory=dict)
    _alias: dict[str, str] = PrivateAttr(default_factory=dict)
    _id_of: dict[str, str] = PrivateAttr(default_factory=dict)

    def __init__(self, snippets: Iterable[Snippet | dict[str, Any]] = (), **unknown: Any) -> None:
        try:
            super().__init__(**{"snippets": snippets, **unknown})
        except ValidationError as error:
            for detail in error.errors():
                if isinstance(cause := detail.get("ctx", {}).get("error"), EvidenceError):
                    raise cause from None
            raise

    def model_post_init(self, context: Any, /) -> None:
        prefix = "S"
        while any(re.fullmatch(rf"(?i:{prefix})\d+", snippet.id) for snippet in self.snippets):
            prefix += "S"  # so that an alias is never the id of another snippet, nor that id in another case
        for number, snippet in enumerate(self.snippets, 1):
            self._by_id[snippet.id] = snippet
            self._alias[snippet.id] = f"{prefix}{number}"
            self._id_of[f"{prefix}{number}"] = snippet.id

    def __len__(self) -> int:
        return len(self.snippets)

    def __contains__(self, id: object) -> bool:
        return id in self._by_id

    def __getitem__(self, id: str) -> Snippet:
        try:
            return self._by_id[id]
        except KeyError:
            raise EvidenceError(
                f"no snippet has the id {id!r}; this evidence holds {len(self)} snippets: "
                f"{', '.join(list(self._by_id)[:5])}{' …' if len(self) > 5 else ''}"
            ) from None

    def alias(self, id: str) -> str:
        """The short name of a snippet in prompts and model text, such as `S3`."""
        return self._alias[self[id].id]

    def resolve(self, written: str) -> str | None:
        """The id that a tag means by `written`, an alias or an id; None if no snippet has it."""
        return self._id_of.get(written) or (written if written in self._by_id else None)

    def adding(self, snippets: Iterable[Snippet]) -> "Evidence":
        """This evidence and `snippets` behind it; aliases stay, unless an id like `S7` comes in.

        Raises:
            EvidenceError: if one id would stand for two texts.
        """
        return Evidence((*self.snippets, *snippets))

    def render(self, ids: str = "alias") -> str:
        """The snippets as `<snippet id=…>` blocks for a prompt; no text in them can open or close a tag or a turn.

        Args:
            ids: `alias` for S1…Sn, `native` for checkpoints trained on full ids.
        """
        names = self.names(ids)
        return "\n".join(render_snippet(snippet, names[snippet.id]) for snippet in self.snippets)

    def names(self, ids: str = "alias") -> dict[str, str]:
        """Id of each snippet → its name in a prompt, in order; `ids` as for `render`."""
        return dict(self._alias) if ids == "alias" else {id: id for id in self._by_id}


def render_snippet(snippet: Snippet, name: str, text: str | None = None) -> str:
    """One `<snippet id=…>` block for a prompt; with `text`, this part of the snippet's text is shown."""
    lines = [f"<snippet id={name}>"]
    for field, label in _FIELDS.items():
        value = getattr(snippet, field)
        if value is not None:
            lines.append(f"{label}: {escape_for_prompt(value)}")
    return "\n".join([*lines, f"Text: {escape_for_prompt(snippet.text if text is None else text)}", "</snippet>"])


class _OpenBlock(NamedTuple):
    attributes: str
    body_start: int


def read_tool_output(text: str) -> list[Snippet]:
    """The snippets in raw tool output: `<snippet id=…>` and `<webpage id=…>` blocks, in order.

    Lines `Title:` and `URL:` at the head of a block become fields; what follows `Text:`, `Snippet:` or `Content:`
    (or else the rest of the block) is the text. Of the texts that dr_agent labels in one block, what was read of the
    page is taken, or else what the search showed; a summary only where it stands alone. A block without text, or
    without an end, is left out. A block without exactly one id that tags can carry gets a derived one. Reads one pass,
    and any text: what is in no block is skipped.
    """
    text, found = scrub(text), list[Snippet]()
    block: _OpenBlock | None = None
    for tag in _BLOCK_TAG.finditer(text):
        if not tag[1]:
            block = block or _OpenBlock(tag[2], tag.end())
        elif block is not None:
            snippet = _read_block(block.attributes, text[block.body_start : tag.start()])
            block = None
            if snippet is not None:
                found.append(snippet)
    return found


def _read_block(attributes: str, body: str) -> Snippet | None:
    fields: dict[str, str] = {}
    if body.startswith("\r\n"):
        body = body.replace("\r\n", "\n")  # a tool that ends its lines so; `render_snippet` never does
    rest = body.removeprefix("\n").removesuffix("\n")
    for field, label in _FIELDS.items():
        line, _, behind = rest.partition("\n")
        if line.startswith(f"{label}:"):
            fields[field], rest = unescape(line.removeprefix(f"{label}:")), behind
    for label in _TEXT_LABELS:
        if rest.startswith(label):
            rest = rest.removeprefix(label)
            break
    else:
        rest = _page_text(rest) if rest.startswith(_PAGE_LABELS) else rest
    fields["text"] = unescape(rest)
    if not fields["text"].strip():
        return None
    ids = read_attributes(attributes).ids
    if len(ids) == 1 and _ID.fullmatch(ids[0]):
        fields["id"] = ids[0]
    return Snippet.model_validate(fields)


def _page_text(labelled: str) -> str:
    shown, _, page = f"\n{labelled}".partition("\nFull Text: ")
    text, _, summary = (page or shown).partition("\nSummary: ")
    return text.removeprefix("\nSearch Snippet: ") or summary
