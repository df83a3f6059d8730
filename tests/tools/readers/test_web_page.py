import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.tools.readers.document import Block, Document, Problem, UnreadableFile
from citerefine.tools.readers.web_page import read_web_page


def read(page: str | bytes) -> tuple[Document, list[Block], list[Problem]]:
    problems: list[Problem] = []
    data = page if isinstance(page, bytes) else page.encode()
    (document,) = read_web_page(io.BytesIO(data), problems.append)
    return document, list(document.blocks), problems


def texts(page: str | bytes) -> list[str]:
    return [block.text for block in read(page)[1]]


def test_block_elements_part_the_blocks_and_inline_elements_do_not() -> None:
    page = "<p>Water is H<sub>2</sub>O,\n   <b>always</b>.<p>Next<ul><li>one<li>two</ul><div>a<br>b</div>"
    assert texts(page) == ["Water is H2O, always.", "Next", "one", "two", "a b"]


def test_headings_give_the_sections_and_the_only_h1_the_title() -> None:
    page = "<h1>Paper</h1><p>in</p><h2>Methods</h2><h3>Data <i>set</i></h3><p>d</p><h2>Results</h2><p>r</p>"
    document, blocks, _ = read(page)
    assert document.title == "Paper"
    assert [(block.section, block.text) for block in blocks] == [
        (None, "in"),
        ("Methods > Data set", "d"),
        ("Results", "r"),
    ]


def test_what_a_browser_does_not_show_is_no_text() -> None:
    hidden = (
        "<script>s()</script><style>s{}</style><noscript><p>s</noscript><template><p>s</template><svg><text>s"
        "</text></svg><nav><a>s</a></nav><iframe>s</iframe><div hidden>s<p>s</div><p style='display : none'>s</p>"
        "<p style='Visibility:hidden'>s</p><!-- s -->"
    )
    assert texts(f"<head><title>t</title></head><p>a</p>{hidden}<p>b</p>") == ["a", "b"]


def test_preformatted_text_keeps_its_lines() -> None:
    assert texts("<pre>\n  a\n    b  c\n</pre><p>d</p>") == ["a\n    b  c", "d"]


def test_cells_of_a_table_row_are_parted_by_bars() -> None:
    assert texts("<table><tr><th>n<th>p<tr><td>12<td>0.05</table>") == ["n | p", "12 | 0.05"]
    assert texts("<table>\n<tr>\n <td>12</td>\n <td> </td>\n <td>3</td>\n</tr></table>") == ["12 | | 3"]


def test_meta_tags_describe_the_document() -> None:
    page = """<html><head><title>Site | Paper</title>
    <meta name="citation_title" content="The  Paper"><meta name="citation_author" content="Lee, Ann">
    <meta name="citation_author" content="Ray, Bo"><meta name="citation_doi" content="doi:10.1000/182">
    <meta name="citation_date" content="2019/03/04"><meta name="citation_journal_title" content="J. Notes">
    <meta property="og:title" content="Other"><link rel="canonical" href="https://example.org/p">
    <link rel="license" href="https://creativecommons.org/licenses/by/4.0/"></head><body><p>x</body></html>"""
    document, _, _ = read(page)
    assert (document.title, document.authors) == ("The Paper", ("Lee, Ann", "Ray, Bo"))
    assert (document.doi, document.year, document.venue) == ("10.1000/182", 2019, "J. Notes")
    assert document.url == "https://example.org/p"
    assert document.licence == "https://creativecommons.org/licenses/by/4.0/"


def test_titles_come_from_open_graph_dublin_core_and_the_title_element_in_turn() -> None:
    dublin = '<meta name="DC.Title" content="D">'
    graph = '<meta property="og:title" content="G">'
    assert read(f"<title>T</title>{graph}{dublin}<p>x")[0].title == "D"
    assert read(f"<title>T</title>{graph}<p>x")[0].title == "G"
    assert read("<title>T &amp; U</title><p>x")[0].title == "T & U"


def test_an_address_that_is_not_http_is_dropped() -> None:
    assert read('<link rel="canonical" href="javascript:alert(1)"><p>x')[0].url is None


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>naïve".encode(), "naïve"),
        ("\ufeff<p>naïve".encode(), "naïve"),
        ("<p>naïve".encode("utf-16"), "naïve"),
        (b'<meta charset="iso-8859-1"><p>\x93na\xefve\x94', "“naïve”"),
        ('<meta charset="koi8-r"><p>мир'.encode("koi8-r"), "мир"),
        ('<meta content="text/html; charset=Shift_JIS"><p>日本'.encode("shift_jis"), "日本"),
        ('<?xml version="1.0" encoding="iso-8859-2"?><html><body><p>š</p></body></html>'.encode("iso8859-2"), "š"),
    ],
)
def test_the_encoding_is_that_of_the_mark_the_declaration_or_utf8(page: bytes, text: str) -> None:
    _, blocks, problems = read(page)
    assert ([block.text for block in blocks], problems) == ([text], [])


def test_an_encoding_that_the_web_does_not_have_is_reported_and_ignored() -> None:
    for label in ("unicode_escape", "base64", "no-such"):
        _, blocks, problems = read(f'<meta charset="{label}"><p>a\\ud800é')
        assert blocks[0].text == "a\\ud800é"
        assert repr(label) in problems[0].reason


def test_a_page_that_is_not_utf8_and_declares_nothing_is_read_as_windows_1252_and_reported() -> None:
    _, blocks, problems = read(b"<p>na\xefve")
    assert (blocks[0].text, problems[0].reason) == ("naïve", "not UTF-8 at byte 5; read as Windows-1252")


def test_text_at_the_bottom_of_100_000_nested_elements_is_read() -> None:
    started = time.perf_counter()
    page = "<p>top</p>" + "<div>" * 100_000 + "deep" + "</div>" * 100_000 + "<p>end"
    assert texts(page) == ["top", "deep", "end"]
    assert texts("<b>" * 100_000 + "deep") == ["deep"]
    assert time.perf_counter() - started < 20


def test_entities_of_the_document_type_are_not_loaded() -> None:
    page = '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><p>a&x;b &eacute;&nbsp;&#0;&#xd800;c'
    assert "root:" not in "".join(texts(page))


def test_xhtml_with_self_closed_elements_is_read_to_its_end() -> None:
    page = '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x"/></head>'
    assert texts(page + "<body><div/><p>text</p></body></html>") == ["text"]


def test_control_characters_are_dropped_and_those_that_part_words_become_spaces() -> None:
    assert texts("<p>ab\x07c\x0cd\x85e") == ["abc d e"]


def test_powers_stay_powers() -> None:
    page = "<p>10<sup>9</sup> cells, H<sub>2</sub>O<sup><a href='#1'>[1]</a></sup><p><sup>a<p>b</sup>c"
    assert texts(page)[0] == "10⁹ cells, H2O[1]"


def test_what_is_no_web_page_is_refused() -> None:
    for data, why in (
        (b"%PDF-1.7 ...", "a PDF file"),
        (b"<?xml version='1.0'?><article><body/></article>", "an XML file"),
        (b"<script>app()</script>", "no text in this page"),
        (b"", "empty"),
    ):
        with pytest.raises(UnreadableFile, match=why):
            read(data)


PIECES = st.sampled_from([
    "<p>", "</p>", "<div>", "</div>", "<h1>", "</h1>", "<h3>", "<pre>", "</pre>", "<nav>", "</nav>", "<b>",
    "</b>", "<sup>", "</sup>", "<table>", "<tr>", "<td>", "</table>", "<svg>", "</svg>", "<title>", "</title>", "<li>",
    "<br/>", "<script>", "</script>", "<head>", "</head>", "<body>", "</html>", "text", "é", "&amp;",
    "&#x1d49c;", "<!--", "-->",
])


@given(st.lists(PIECES, max_size=40))
def test_every_block_stands_in_the_joined_text_at_its_offset(pieces: list[str]) -> None:
    try:
        blocks = read(" ".join([*pieces, "<p>end"]))[1]
    except UnreadableFile:
        return
    document_text = "\n\n".join(block.text for block in blocks)
    assert all(document_text[block.start : block.start + len(block.text)] == block.text for block in blocks)


@given(st.lists(PIECES, max_size=40))
def test_no_broken_markup_outside_of_raw_text_swallows_what_follows(pieces: list[str]) -> None:
    raw = {"<script>", "<title>", "<!--", "<svg>", "<nav>"}
    page = " ".join(piece for piece in pieces if piece not in raw)
    assert "the end" in " ".join(texts(page + "<p>x</p><p>the end</p>"))
