"""The cited answer: what the parser makes of a model's text and the evidence it was given.

In: raw text and an Evidence. Out: `Answer`. Its text, claims and issues are read from these two and cannot be set,
changed or loaded otherwise, so that a citation to an unknown id cannot exist in it. `AnswerStream` does the same
for text that arrives in chunks. Not here: reading tags (tags/), asking a model (refiner.py).
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NoReturn, Self

from pydantic import BaseModel, ModelWrapValidatorHandler, PrivateAttr, computed_field, model_validator
from pydantic_core import to_jsonable_python

from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Claim, Issue, Record, Text, Usage
from citerefine.refiner.tags.block import Span
from citerefine.refiner.tags.issues import FORMAT_ERRORS, MEANING
from citerefine.refiner.tags.scanner import Restart, TagParse, TagScanner, parse_tags
from citerefine.refiner.tags.writer import Citing, write_answer

MAX_UNKNOWN: Final = 1000
"""Most unknown ids that one answer reports, so that hostile text costs no memory."""

MAX_KEPT: Final = 32_768
"""Longest raw text whose parse is kept for a while: an answer on its way through a graph is read several times."""

_parse_once = lru_cache(maxsize=128)(parse_tags)  # what it gives cannot be changed

_DERIVED = ("text", "claims", "issues", "tagged", "answered")


class Answer(Record):
    """An answer whose every citation leads to a snippet of its evidence."""

    question: Text = ""
    raw: Text
    """What the model wrote, with the names it used for snippets."""
    evidence: Evidence
    model: str | None = None
    usage: Usage | None = None
    notes: tuple[str, ...] = ()
    """What the reader should know beside the text: what was searched, dropped or not reachable."""
    left_out: tuple[str, ...] = ()
    """Ids of snippets that were found and not shown to the model, since they did not fit its prompt; they are not
    in `evidence` and cannot be cited."""
    _parse: TagParse = PrivateAttr()
    _claims: tuple[Claim, ...] = PrivateAttr()
    _issues: tuple[Issue, ...] = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        parse = _parse_once(self.raw) if len(self.raw) <= MAX_KEPT else parse_tags(self.raw)
        derived = {
            "_parse": parse,
            "_claims": tuple(_claim(span, self.evidence) for span in parse.spans),
            "_issues": tuple(_issues(parse, self.evidence)),
        }
        for name, value in derived.items():
            BaseModel.__setattr__(self, name, value)  # Record refuses this to everybody else

    @model_validator(mode="wrap")
    @classmethod
    def _derived_fields_agree(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Reads a dumped answer back: what the parser derives must equal what was stored."""
        if not isinstance(data, dict):
            return handler(data)
        stored = {name: data[name] for name in _DERIVED if name in data}
        answer = handler({name: value for name, value in data.items() if name not in stored})
        if stored:
            derived = answer.model_dump(mode="json", include=set(stored))
            for name, value in stored.items():
                if derived[name] != to_jsonable_python(value):
                    raise ValueError(f"{name} is not what the parser reads in raw; leave it out or repair raw")
        return answer

    @computed_field  # type: ignore[prop-decorator]
    @property
    def text(self) -> str:
        """The plain answer, without tags."""
        return self._parse.text

    @computed_field  # type: ignore[prop-decorator]
    @property
    def claims(self) -> tuple[Claim, ...]:
        """In the order of the text, not overlapping."""
        return self._claims

    @computed_field  # type: ignore[prop-decorator]
    @property
    def issues(self) -> tuple[Issue, ...]:
        """All that is not canonical in `raw`, in its order."""
        return self._issues

    @computed_field  # type: ignore[prop-decorator]
    @property
    def tagged(self) -> str:
        """The answer in canonical tags, with full ids; uncited stretches are plain."""
        cited = [Citing(claim.start, claim.end, claim.citations) for claim in self.claims if claim.citations]
        return write_answer(self.text, cited, self._parse.code)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def answered(self) -> bool:
        """Whether anything in the answer is tied to evidence."""
        return any(claim.citations for claim in self.claims)

    @property
    def code(self) -> tuple[tuple[int, int], ...]:
        """Start and end of each code block in `text`."""
        return self._parse.code

    @property
    def format_errors(self) -> int:
        """How many issues count as format errors."""
        return sum(issue.code in FORMAT_ERRORS for issue in self.issues)

    def noting(self, *notes: str) -> Self:
        """The same answer with these notes behind its own."""
        return BaseModel.model_copy(self, update={"notes": (*self.notes, *notes)})  # nothing derives from notes

    def accounting(self, usage: Usage | None, left_out: tuple[str, ...]) -> Self:
        """The same answer with what it took to write it; see `usage` and `left_out`."""
        return BaseModel.model_copy(self, update={"usage": usage, "left_out": left_out})

    def to_json(self) -> str:
        """The documented JSON of `ask --format json`; `model_dump_json` is the form that can be read back."""
        from citerefine.refiner.report.answer_json import answer_json

        return json.dumps(answer_json(self), ensure_ascii=False, indent=2)

    def to_markdown(self) -> str:
        """The answer with footnotes that quote the sources."""
        from citerefine.refiner.report.markdown_report import render_markdown

        return render_markdown(self)

    def to_html(self) -> str:
        """One HTML page that needs nothing else: claims lead to their quotes."""
        from citerefine.refiner.report.html_report import render_html

        return render_html(self)

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> NoReturn:
        """Refused: an answer without the parser would have no guarantee."""
        raise TypeError("an Answer is built by parse_answer(raw, evidence) only")


def parse_answer(
    raw: str,
    evidence: Evidence,
    *,
    question: str = "",
    model: str | None = None,
    usage: Usage | None = None,
    notes: tuple[str, ...] = (),
    left_out: tuple[str, ...] = (),
) -> Answer:
    """The answer that `raw` gives on this evidence; never raises, whatever text `raw` is.

    Args:
        raw: a model's text; ids in it may be aliases of `evidence` (S1…) or full ids.
        evidence: what the model was shown.
        question: what was asked.
        model: the model's string, such as `extractive`.
        usage: what the call consumed.
        notes: what a reader should know beside the text.
        left_out: ids of snippets that the model was not shown.

    >>> evidence = Evidence(snippets=[{"text": "Perch doubled.", "title": "Survey"}])
    >>> parse_answer("<answer><snippet id=S1>Perch doubled.</snippet></answer>", evidence).claims[0].text
    'Perch doubled.'
    """
    return Answer(
        question=question, raw=raw, evidence=evidence, model=model, usage=usage, notes=notes, left_out=left_out
    )


class AnswerStream:
    """Reads an answer while it is written; gives each claim when its tag closes.

    `feed` and `close` return claims, and a Restart where all claims so far are void because the model began
    another answer block or turned out to be still thinking. After `close`, `answer` equals `parse_answer` of
    the whole text.
    """

    def __init__(self, evidence: Evidence, *, question: str = "", model: str | None = None) -> None:
        self._evidence, self._question, self._model = evidence, question, model
        self._scanner = TagScanner()
        self._chunks: list[str] = []
        self._usage: Usage | None = None
        self._closed = False
        self._answer: Answer | None = None

    def feed(self, chunk: str) -> list[Claim | Restart]:
        """Reads on; returns the claims that this chunk completed."""
        self._chunks.append(chunk)
        return self._claims(self._scanner.feed(chunk))

    def close(self, usage: Usage | None = None) -> list[Claim | Restart]:
        """Ends the text; returns the claims that were still open or held back."""
        claims = self._claims(self._scanner.close())
        self._usage, self._closed = usage, True
        return claims

    @property
    def answer(self) -> Answer:
        """The whole answer. Raises RuntimeError before `close`."""
        if not self._closed:
            raise RuntimeError("the answer is not complete yet; call close() first")
        if self._answer is None:
            self._answer = parse_answer(
                "".join(self._chunks),
                self._evidence,
                question=self._question,
                model=self._model,
                usage=self._usage,
            )
        return self._answer

    def _claims(self, events: list[Span | Restart]) -> list[Claim | Restart]:
        return [event if isinstance(event, Restart) else _claim(event, self._evidence) for event in events]


def _claim(span: Span, evidence: Evidence) -> Claim:
    known = (evidence.resolve(id) for id in span.ids)
    return Claim(
        text=span.text,
        citations=tuple(dict.fromkeys(id for id in known if id is not None)),
        start=span.start,
        end=span.end,
        raw_start=span.raw_start,
        raw_end=span.raw_end,
    )


def _issues(parse: TagParse, evidence: Evidence) -> Iterator[Issue]:
    """The parser's findings and the ids that no snippet has, in the order of the raw text."""
    found = [(finding.raw_start, finding.raw_end, finding.code, "") for finding in parse.findings]
    unknown = ((span, id) for span in parse.spans for id in span.ids if evidence.resolve(id) is None)
    for span, id in islice(unknown, MAX_UNKNOWN):
        found.append((span.raw_start, span.raw_end, "unknown_id", f": {id[:80]!r}"))
    for start, end, code, detail in sorted(found, key=lambda item: item[0]):
        yield Issue(code=code, message=MEANING[code] + detail, start=start, end=end)
