"""Answers of every shape that the parser gives, for tests of what is written in other forms and read back."""

from hypothesis import strategies as st

from citerefine.refiner import Answer, Evidence, Snippet, parse_answer

SURVEY = Snippet(text="It rained. Perch doubled. It snowed.", title="Survey", url="https://example.org/s", id="a")
PAPER = Snippet(
    text="Perch doubled.", doi="10.1000/(182)", source="paper.pdf", page=4, start=5, end=19, year=2010,
    authors=("Ada Moe", "Bo Lind"), section="Results > Nets", licence="CC BY", id="b",
)  # fmt: skip
SCAN = Snippet(text="Ice came late.", title="Scan", source="scan.pdf", page=7, id="c")
BARE = Snippet(text="Roach fell.", title="Bare", id="d")
EVIDENCE = Evidence([SURVEY, PAPER, SCAN, BARE])

_PIECES = st.text(st.sampled_from("ab \n\r\t.<>/&;`~🐟é\u2028\x0b\ud800") | st.characters(), max_size=12)
_IDS = st.lists(st.sampled_from(["a", "b", "c", "d", "S1", "x9"]), min_size=1, max_size=4).map(",".join)
_TAGGED = st.builds("<snippet id={}>{}</snippet>".format, _IDS, _PIECES)
_CODE = st.sampled_from(
    ["\n```\ncode <b> &lt;\n```\n", "\n~~~\n\nx\n~~~", "`", "```", "\n\n", "<snippet id=a>", "</snippet>"]
)


def answers(evidence: Evidence = EVIDENCE) -> st.SearchStrategy[Answer]:
    """Answers with claims side by side, over line ends, around code, with unknown ids, with tags that do not close."""
    written = st.lists(_PIECES | _TAGGED | _CODE, max_size=8).map("".join)
    return written.map(lambda text: parse_answer(f"<answer>{text}</answer>", evidence, question="Did perch double?"))


def cited_claims(answer: Answer) -> list[tuple[str, int, int, tuple[str, ...]]]:
    """What other forms can say of claims: those that cite nothing have no citation."""
    return [(claim.text, claim.start, claim.end, claim.citations) for claim in answer.claims if claim.citations]
