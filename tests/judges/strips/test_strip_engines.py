"""The grammar of a strip in every engine that reads it: it admits what is read, and nothing that is not."""

import random
from collections.abc import Callable

import pytest
from tests.gbnf import read_gbnf, write_admitted
from tests.refiner.tags.test_grammar import ENGINES

from citerefine.judges.strips.strip import Item, Word, read_strip, strip_grammar

Admits = Callable[[str, str], bool]
GRADES: Item = tuple(Word(f"{number:02d}") for number in range(1, 11))


def items(sentences: int) -> list[Item]:
    fault, wanted = (
        (Word("MET", range(first, sentences + 1)), Word("UNMET"), Word("CANNOT_ASSESS")) for first in (0, 1)
    )
    return [wanted, fault, GRADES, wanted, (Word("0"), Word("1"))]


@pytest.fixture(scope="module", params=ENGINES)
def admits(request: pytest.FixtureRequest) -> Admits:
    made: Admits = request.param()
    return made


@pytest.mark.parametrize("sentences", [1, 9, 10, 37, 120, 1234])
def test_it_admits_strips_that_are_read_and_nothing_else(admits: Admits, sentences: int) -> None:
    asked = items(sentences)
    grammar = strip_grammar(asked)
    for seed in range(5):
        strip = write_admitted(read_gbnf(grammar), random.Random(seed))
        assert admits(grammar, strip)
        assert len(read_strip(strip, asked)) == 5
        first, rest = strip.split("\n", 1)
        assert not admits(grammar, f"c01=MET {sentences + 1}\n{rest}")
        assert not admits(grammar, f"c01=MET 0\n{rest}")
        assert not admits(grammar, f"c01=MET\n{rest}")
        for text in (f"{strip}\n", strip[:-1], f" {strip}", rest, f"{first}\n{strip}", f"{strip}\nc06=UNMET"):
            assert not admits(grammar, text)
        assert not admits(grammar, strip.replace("c03=", "c03= "))
        assert not admits(grammar, strip.replace("\n", "\r\n"))
