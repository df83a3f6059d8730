"""What strangers send: read leniently where fields are missing, strictly where the form is another."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.tools.markup import plain
from citerefine.tools.sources.wire import (
    Wire,
    bare_doi,
    child,
    entries,
    filled,
    json_object,
    names,
    tidy,
    xml_root,
    xml_text,
    year_in,
)
from citerefine.tools.web.reply import WebReply


class Fish(Wire):
    name: str
    kilos: str | None = None


def reply(body: bytes) -> WebReply:
    return WebReply(body, "", datetime.now(UTC))


def test_entries_are_read_one_by_one_and_strange_ones_are_counted() -> None:
    read = entries([{"name": "perch", "kilos": 3, "colour": "green"}, {"kilos": 1}, "text", None], Fish, "fish")
    assert read.entries == [Fish(name="perch", kilos="3")]
    assert read.n_strange == 3


def test_a_list_of_nothing_that_can_be_read_is_another_form() -> None:
    with pytest.raises(ValueError, match="no entry of fish can be read: name: Field required"):
        entries([{"kilos": 1}], Fish, "fish")
    with pytest.raises(ValueError, match="fish is NoneType, no list"):
        entries(None, Fish, "fish")
    assert entries([], Fish, "fish") == ([], 0)


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"<html>", b'{"a": NaN}', b"\xff{}"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_object(reply(body))


BOMB = b'<!DOCTYPE x [<!ENTITY a "perch"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x><y>&b;</y></x>'
FILE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x><y>&a;</y></x>'


@pytest.mark.parametrize("body", [BOMB, FILE])
def test_entities_are_not_expanded_and_files_not_read(body: bytes) -> None:
    assert "".join(xml_root(reply(body)).itertext("y")).strip() in ("", "&b;", "&a;")


@pytest.mark.parametrize("body", [b"", b"<x>", b"{}", b"<x></y>"])
def test_what_is_no_xml_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"no XML|empty"):
        xml_root(reply(body))


@pytest.mark.parametrize(
    ("marked_up", "text"),
    [
        ("10<sup>9</sup> cells", "10⁹ cells"),
        ("10<jats:sup>&#8722;3</jats:sup> M", "10⁻³ M"),
        ("2<sup>0.5</sup> and e<sup>kt</sup> and x<sup>n</sup>", "2^(0.5) and e^(kt) and xⁿ"),
        ("the 1<sup>st</sup> p16<sup>INK4a</sup><sup>[1]</sup>", "the 1st p16INK4a[1]"),
        ("CD4<sup>+</sup>, H<sub>2</sub>O", "CD4⁺, H2O"),
        ("log<sub>2</sub>5 of 10<sub>2</sub>", "log₂5 of 10₂"),
        ("<h4>Results</h4>Perch doubled.<h4>Why?</h4>Warmth.", "Results: Perch doubled. Why? Warmth."),
        ("<title>Perch</title>", "Perch"),
    ],
)
def test_powers_stay_powers_and_headings_end(marked_up: str, text: str) -> None:
    assert plain(marked_up) == text


def test_powers_in_xml_stay_powers() -> None:
    body = (
        b"<a>10<sup>9</sup>, <m:msup xmlns:m='m'><m:mn>10</m:mn><m:mn>3</m:mn></m:msup>, H<sub>2</sub>O<!-- x --></a>"
    )
    assert xml_text(xml_root(reply(body))) == "10⁹, 10³, H2O"


def test_markup_becomes_plain_text_and_comparisons_stay() -> None:
    assert plain("<jats:p>Perch <i>doubled</i></jats:p><jats:p>(p &lt; 0.05)</jats:p>") == "Perch doubled (p < 0.05)"
    assert plain("at p < 0.05 and n > 3") == "at p < 0.05 and n > 3"
    assert plain("<p> </p>") is None
    assert plain(None) is None
    assert tidy(" a\n b ") == "a b"
    assert tidy("") is None


@given(st.text())
def test_plain_text_is_on_one_line_and_never_raises(text: str) -> None:
    assert plain(text) is None or plain(text) == " ".join((plain(text) or "").split())


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("10.1000/182", "10.1000/182"),
        ("doi:10.1000/ABC.", "10.1000/abc"),
        ("https://dx.doi.org/10.1000/182", "10.1000/182"),
        ("none", None),
        (None, None),
    ],
)
def test_a_doi_is_bare(text: str | None, doi: str | None) -> None:
    assert bare_doi(text) == doi


def test_years_names_paths_and_parameters() -> None:
    assert [year_in(text) for text in ("2019-05-12", "Spring 1998", 2020, None, "12345", "0")] == [
        2019, 1998, 2020, None, None, None,
    ]  # fmt: skip
    assert names(["Moe  A", None, "", "<i>Lind</i> B"]) == ("Moe A", "Lind B")
    assert child({"a": {"b": 1}}, "a", "b") == 1
    assert child({"a": [1]}, "a", "b") is None
    assert filled({"q": "x", "n": 3, "none": None}) == (("q", "x"), ("n", "3"))
