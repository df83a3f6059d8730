"""What the tests of importers share: evidence about a lake, and a look at what was read."""

from citerefine.judges.imports.reading import ReadAnswer, read_answer
from citerefine.refiner import Evidence

EVIDENCE = Evidence(
    [
        {"id": "perch", "text": "Perch doubled.", "title": "Perch in Lake Orven", "url": "https://lake.example/perch"},
        {"id": "ice", "text": "Ice came late.", "title": "Ice on northern lakes", "doi": "10.1000/ice.7"},
        {"id": "salt", "text": "Salt fell.", "title": "Salt of the lake", "url": "https://lake.example/salt?page=2"},
    ]
)
NAMELESS = Evidence([{"id": "perch", "text": "Perch doubled."}, {"id": "ice", "text": "Ice came late."}])


def cited(read: ReadAnswer) -> list[tuple[str, tuple[str, ...]]]:
    return [(span.text, span.ids) for span in read.parse.spans]


def read(answer: object, form: str = "auto", evidence: Evidence | None = EVIDENCE) -> ReadAnswer:
    found = read_answer(answer, evidence, form)
    assert all(found.parse.text[span.start : span.end] == span.text for span in found.parse.spans)
    return found


def codes(found: ReadAnswer) -> list[str]:
    return [finding.code for finding in found.parse.findings]
