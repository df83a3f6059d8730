import io
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.tools.readers.document import Block, Document, Problem, UnreadableFile
from citerefine.tools.readers.jats import read_jats

PLOS = Path(__file__).parents[3].parent / "shared" / "data" / "plos"
needs_plos = pytest.mark.skipif(not PLOS.is_dir(), reason="the PLOS articles (shared/data/plos) are not here")


def read(xml: str | bytes) -> tuple[Document, list[Block]]:
    problems: list[Problem] = []
    data = xml if isinstance(xml, bytes) else xml.encode()
    (document,) = read_jats(io.BytesIO(data), problems.append)
    assert problems == []
    return document, list(document.blocks)


def body(xml: str) -> list[tuple[str | None, str]]:
    return [(block.section, block.text) for block in read(f"<article><body>{xml}</body></article>")[1]]


def reason(xml: str | bytes) -> str:
    with pytest.raises(UnreadableFile) as caught:
        read(xml)
    return str(caught.value)


FRONT = """<front><journal-meta><journal-title-group><journal-title>J. Notes</journal-title></journal-title-group>
</journal-meta><article-meta><article-id pub-id-type="pmid">1</article-id>
<article-id pub-id-type="doi">10.1000/182</article-id>
<title-group><article-title>On H<sub>2</sub>O</article-title></title-group>
<contrib-group><contrib contrib-type="author"><name><surname>Lee</surname><given-names>Ann B.</given-names></name>
<xref>1</xref></contrib><contrib contrib-type="author"><collab>The Group</collab></contrib>
<contrib contrib-type="editor"><name><surname>Ed</surname><given-names>X</given-names></name></contrib>
</contrib-group>
<pub-date pub-type="ppub"><year>2016</year></pub-date><pub-date pub-type="epub"><year>2015</year></pub-date>
<permissions><license xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="https://l.org/by"><license-p>Free.
</license-p></license></permissions>
<abstract><sec><title>Methods</title><p>We boiled.</p></sec></abstract></article-meta></front>"""


def test_the_front_matter_describes_the_document() -> None:
    document, blocks = read(f"<article>{FRONT}<body><p>x</p></body></article>")
    assert (document.title, document.authors) == ("On H2O", ("Ann B. Lee", "The Group"))
    assert (document.year, document.venue, document.doi) == (2015, "J. Notes", "10.1000/182")
    assert document.licence == "https://l.org/by"
    assert blocks[0] == Block("We boiled.", 0, "Abstract > Methods")


def test_an_article_in_a_namespace_is_read_the_same() -> None:
    article = f"<article>{FRONT}<body><sec><title>S</title><p>x</p></sec></body></article>"
    spaced = article.replace("<article>", '<article xmlns="http://jats.nlm.nih.gov">')
    (one, blocks), (other, spaced_blocks) = read(article), read(spaced)
    assert (one.title, one.authors, one.doi, blocks) == (other.title, other.authors, other.doi, spaced_blocks)


def test_sections_nest_and_elements_within_sentences_leave_no_space() -> None:
    inner = "<sec><title>B</title><p>y</p></sec>"
    xml = f"<sec><title>A</title><p>x<sup>2</sup> [<xref>1</xref>]</p>{inner}</sec><p>z</p>"
    assert body(xml) == [("A", "x² [1]"), ("A > B", "y"), (None, "z")]


def test_powers_stay_powers_and_formulas_of_water_stay_on_the_line() -> None:
    power = "<math><msup><mn>10</mn><mrow><mo>−</mo><mn>3</mn></mrow></msup></math>"
    xml = f"<p>10<sup>9</sup> cells, {power} M, H<sub>2</sub>O, log<sub>2</sub>5</p>"
    assert body(xml) == [(None, "10⁹ cells, 10⁻³ M, H2O, log₂5")]


def test_a_list_inside_a_paragraph_parts_it_into_blocks() -> None:
    xml = "<p>Steps: <list><list-item><p>one</p></list-item><list-item><p>two</p></list-item></list> and done.</p>"
    assert [text for _, text in body(xml)] == ["Steps:", "one", "two", "and done."]


def test_a_table_is_one_block_with_caption_rows_and_footnotes() -> None:
    xml = """<table-wrap><label>Table 1</label><caption><title>Sizes.</title></caption><table><thead><tr><th>n</th>
    <th>p</th></tr></thead><tbody><tr><td>12</td><td/></tr></tbody></table><table-wrap-foot><fn><p>Note.</p></fn>
    </table-wrap-foot></table-wrap>"""
    assert [text for _, text in body(xml)] == ["Table 1 Sizes.\nn | p\n12 | \nNote."]


def test_a_figure_is_its_label_and_caption() -> None:
    xml = "<fig><label>Fig 1</label><caption><title>Map.</title><p>Of x.</p></caption><graphic/></fig>"
    assert [text for _, text in body(xml)] == ["Fig 1 Map. Of x."]


def test_a_formula_in_two_notations_is_read_once() -> None:
    tex = r"<tex-math>\documentclass{x}\begin{document}$a=b$\end{document}</tex-math>"
    math = '<m:math xmlns:m="http://www.w3.org/1998/Math/MathML"><m:mi>a</m:mi><m:mo>=</m:mo><m:mi>b</m:mi></m:math>'
    both = f"<inline-formula><alternatives>{tex}{math}</alternatives></inline-formula>"
    assert body(f"<p>If {both}.</p>") == [(None, "If a=b.")]
    assert body(f"<p>If <inline-formula>{tex}</inline-formula>.</p>") == [(None, "If $a=b$.")]


def test_abbreviations_stand_beside_their_meanings() -> None:
    item = "<def-item><term>AUC</term><def><p>area under the curve</p></def></def-item>"
    back = f"<back><glossary><def-list>{item}</def-list></glossary></back>"
    _, blocks = read(f"<article>{back}</article>")
    assert [(block.section, block.text) for block in blocks] == [("Glossary", "AUC: area under the curve")]


def test_the_reference_list_and_comments_are_no_text() -> None:
    references = "<ref-list><title>References</title><ref><p>Cited.</p></ref></ref-list>"
    back = f"<back><ack><p>Thanks.</p></ack>{references}</back>"
    _, blocks = read(f"<article><body><p>a<!-- no --><?no no?>b</p></body>{back}</article>")
    assert [(block.section, block.text) for block in blocks] == [(None, "ab"), ("Acknowledgments", "Thanks.")]


def test_entities_of_the_dtd_that_is_not_loaded_are_those_of_html() -> None:
    doctype = '<!DOCTYPE article PUBLIC "-//NLM//DTD" "http://example.invalid/x.dtd">'
    _, blocks = read(f"{doctype}<article><body><p>5&nbsp;&mu;m &unknown; x</p></body></article>")
    assert blocks[0].text == "5 μm &unknown; x"


def test_an_entity_bomb_is_refused_at_once() -> None:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    doctype = f'<!DOCTYPE article [<!ENTITY a0 "lol">{entities}]>'
    started = time.perf_counter()
    for use in ("<p>&a11;</p>", '<p x="&a11;">y</p>', "<p>y</p>"):
        assert "entit" in reason(f"{doctype}<article><body>{use}</body></article>")
    assert time.perf_counter() - started < 5


def test_a_file_on_this_machine_cannot_be_drawn_in(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret words")
    doctype = f'<!DOCTYPE article [<!ENTITY s SYSTEM "{secret.as_uri()}">]>'
    assert "declares entities of its own" in reason(f"{doctype}<article><body><p>&s;</p></body></article>")


def test_what_cannot_be_read_says_why() -> None:
    assert reason("<rss/>") == "the root element is <rss>; of XML only JATS (root <article>) is read"
    assert reason('<h:html xmlns:h="x"/>').startswith("the root element is <html>")
    assert reason("<article><body><p>cut").startswith("not well-formed XML: Premature end of data")
    assert "Excessive depth" in reason("<article>" + "<sec>" * 1000)
    assert reason("<article/>") == "this article has neither abstract nor body"
    assert reason(b"%PDF-1.4") == "not a text file: it begins like a PDF file"


def test_sections_nested_as_deep_as_the_parser_allows_are_read() -> None:
    assert body("<sec>" * 250 + "<p>deep</p>" + "</sec>" * 250) == [(None, "deep")]


TAGS = st.sampled_from(["sec", "p", "italic", "list", "list-item", "title", "fig", "caption", "table-wrap", "tr"])


def element(tag: str, parts: list[str]) -> str:
    return f"<{tag}>{''.join(parts)}</{tag}>"


TREES = st.recursive(
    st.text(st.characters(categories=["L", "N", "Zs"]), max_size=5),
    lambda part: st.builds(element, TAGS, st.lists(part, max_size=4)),
    max_leaves=20,
)


@given(TREES)
def test_every_block_stands_in_the_joined_text_at_its_offset(tree: str) -> None:
    _, blocks = read(f"<article><body>{tree}<p>end</p></body></article>")
    text = "\n\n".join(block.text for block in blocks)
    assert all(text[block.start : block.start + len(block.text)] == block.text for block in blocks)


# The PLOS articles, against the table in their README.


def _table() -> dict[str, list[str]]:
    if not PLOS.is_dir():
        return {}
    rows = re.findall(r"^\| `(.+?\.xml)` \| (.*) \|$", (PLOS / "README.md").read_text(), re.M)
    return {name: cells.split(" | ") for name, cells in rows}


TABLE = _table()
LICENCES = {
    "CC BY 4.0": "creativecommons.org/licenses/by/4.0/",
    "CC0 1.0": "creativecommons.org/publicdomain/zero/1.0/",
}
ATTRIBUTION = re.compile(r'(.+?) et al\., (\d+), "(.+)", \*(.+)\*, doi:(.+)')


@needs_plos
@pytest.mark.parametrize("name", TABLE)
def test_a_plos_article_is_described_as_its_table_row_says(name: str) -> None:
    _, attribution, licence, *_ = TABLE[name]
    document, _ = read((PLOS / name).read_bytes())
    stated = ATTRIBUTION.fullmatch(attribution)
    assert stated
    surname, year, title, venue, doi = stated.groups()
    assert document.authors[0].endswith(f" {surname}")
    assert (str(document.year), document.title, document.venue, document.doi) == (year, title, venue, doi)
    assert document.licence is not None
    assert document.licence.partition("://")[2] == LICENCES[licence]


@needs_plos
@pytest.mark.parametrize("name", TABLE)
def test_all_sections_and_tables_of_a_plos_article_are_found(name: str) -> None:
    *_, sections, _, tables = TABLE[name]
    _, blocks = read((PLOS / name).read_bytes())
    paths = {tuple(block.section.split(" > ")) for block in blocks if block.section}
    found = {path[: depth + 1] for path in paths for depth in range(len(path))}
    around = {"Abstract", "Author Summary", "Editors’ Summary", "Acknowledgments", "Abbreviations"}
    assert len([path for path in found if path[0] not in around]) == int(sections)
    assert len([block for block in blocks if re.match(r"Table \d.*\n", block.text)]) == int(tables)


@needs_plos
def test_a_retraction_notice_is_read_under_its_title() -> None:
    document, blocks = read((PLOS / "journal.ppat.1005207.xml").read_bytes())
    assert document.title is not None
    assert document.title.startswith("Retraction: ")
    assert "is retracting this publication" in blocks[0].text
    assert len(document.authors) == 7
