"""Joins the parts of an answer in JSON into one text, each part read by the rules of the tag parser.

In: texts, in order. Out: `Marked`, and where each part stands in it. Not here: what cites what.
"""

from citerefine.judges.imports.placing import Marked, read_marked
from citerefine.refiner.tags.block import Finding

_JOINT = "\n\n"


class Parts:
    """An answer in the making."""

    def __init__(self) -> None:
        self._texts = list[str]()
        self._length = self._raw_length = 0
        self._code = list[tuple[int, int]]()
        self._findings = list[Finding]()

    def add(self, raw: str) -> tuple[int, int]:
        """Takes a part; returns where it stands."""
        part = read_marked(raw)
        raw_at = self._raw_length + len(_JOINT) * bool(self._raw_length)
        self._raw_length = raw_at + len(raw)
        self._findings += [
            finding._replace(raw_start=finding.raw_start + raw_at, raw_end=finding.raw_end + raw_at)
            for finding in part.findings
        ]
        if not part.text:
            return self._length, self._length
        start = self._length + len(_JOINT) * bool(self._texts)
        self._texts.append(part.text)
        self._length = start + len(part.text)
        self._code += [(start + at, start + end) for at, end in part.code]
        return start, self._length

    def marked(self) -> Marked:
        """The whole answer."""
        return Marked(_JOINT.join(self._texts), tuple(self._code), tuple(self._findings), 0, False)
