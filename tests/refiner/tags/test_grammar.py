"""The grammar: what it admits parses without fault, in every engine that reads it."""

import json
import random
import re
from collections.abc import Callable
from importlib.util import find_spec

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gbnf import class_ranges, read_gbnf, write_admitted

from citerefine.refiner.answer import parse_answer
from citerefine.refiner.errors import AnswerError, InputError
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.grammar import (
    BLANKS,
    MAX_NAMES,
    MOST_CLAIMS,
    NOT_BEHIND_LESS,
    WORD_RANGES,
    answer_grammar,
    choice_grammar,
)
from citerefine.refiner.tags.issues import FORMAT_ERRORS
from citerefine.refiner.tags.markup import ID_PATTERN, TAG_START
from citerefine.refiner.tags.scanner import parse_tags

NAMES = ["S1", "S2", "S12"]
EVIDENCE = Evidence([Snippet(text=f"Snippet {number}.") for number in range(1, 13)])
BOUNDS: list[dict[str, int | None]] = [{}, {"max_claims": 4, "max_chars": 60}, {"max_claims": 1}]
Admits = Callable[[str, str], bool]

chances = st.integers(0, 2**32).map(random.Random)
names = st.lists(st.from_regex(ID_PATTERN, fullmatch=True), max_size=6, unique=True)


def cited(claim: str, ids: str = "S1") -> str:
    """A whole answer of one claim."""
    return f"<answer><snippet id={ids}>{claim}</snippet></answer>"


# --- what is admitted parses -----------------------------------------------------------------------------------


@given(chances, st.sampled_from(BOUNDS))
def test_every_admitted_text_has_no_format_error_and_no_unknown_id(
    chance: random.Random, bounds: dict[str, int | None]
) -> None:
    raw = write_admitted(read_gbnf(answer_grammar(NAMES, **bounds)), chance)
    answer = parse_answer(raw, EVIDENCE)
    assert {issue.code for issue in answer.issues} <= {"repeated_id"}, raw
    assert len(answer.claims) == raw.count("<snippet ")
    assert not answer.code


@settings(max_examples=40)
@given(chances, names)
def test_ids_of_any_form_come_back_as_they_were_listed(chance: random.Random, native: list[str]) -> None:
    parse = parse_tags(write_admitted(read_gbnf(answer_grammar(native)), chance))
    assert {id for span in parse.spans for id in span.ids} <= set(native)
    assert not {finding.code for finding in parse.findings} & FORMAT_ERRORS


@given(chances)
def test_with_both_bounds_an_answer_ends(chance: random.Random) -> None:
    grammar = answer_grammar(NAMES, max_claims=2, max_chars=10)
    assert not re.search(r'(?<=[])a-z"])[*+]', grammar)
    raw = write_admitted(read_gbnf(grammar), chance)
    assert raw.count("<snippet ") <= 2
    assert len(parse_tags(raw).text) <= 5 * 2 * (10 + 8 + 8)


def test_every_letter_that_a_claim_may_rest_on_is_one_to_the_parser() -> None:
    word = re.compile(r"[^\W_]")
    for first, last in class_ranges(f"[{WORD_RANGES}]"):
        for code in range(first, last + 1):
            assert word.match(chr(code)), hex(code)


def test_what_may_not_follow_a_bracket_covers_every_tag_start() -> None:
    starts = {sign for sign in map(chr, range(0x3000)) if TAG_START.search(f"<{sign}x")}
    assert starts <= set(NOT_BEHIND_LESS) | {"<"}


def test_the_blanks_are_all_white_space_that_stays_within_a_line() -> None:
    line_ends = set("\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85")
    assert set(BLANKS) == {sign for sign in map(chr, range(0x110000)) if sign.isspace()} - line_ends


def test_no_range_ends_within_another_block_of_0x1000_than_it_begins_in() -> None:
    for kind in re.findall(r"\[(?:[^\]\\]|\\.)*\]", answer_grammar(NAMES)):
        for first, last in class_ranges(kind):
            assert first >> 12 == last >> 12 or (last + 1) % 0x1000 == 0 or last == 0x10FFFF, (hex(first), hex(last))


# --- wrong use -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "S 1", 'S1"', "é", "x" * 65, "S1\n"])
def test_a_name_that_no_tag_can_carry_is_refused(name: str) -> None:
    with pytest.raises(AnswerError, match="cannot stand in a tag"):
        answer_grammar(["S1", name])


@pytest.mark.parametrize("bounds", [{"max_claims": 0}, {"max_claims": MOST_CLAIMS + 1}, {"max_chars": 0}])
def test_a_bound_that_nothing_can_keep_to_is_refused(bounds: dict[str, int]) -> None:
    with pytest.raises(InputError, match=f"is {next(iter(bounds.values()))}; use 1"):
        answer_grammar(["S1"], **bounds)


@pytest.mark.parametrize("words", [[], [""], ["a\x00"], ["a\nb"]])
def test_a_choice_of_nothing_or_of_control_codes_is_refused(words: list[str]) -> None:
    with pytest.raises(InputError):
        choice_grammar(words)


def test_equal_names_are_listed_once() -> None:
    assert answer_grammar(["S1", "S1"]) == answer_grammar(["S1"])


# --- the engines themselves -------------------------------------------------------------------------------------

GOOD = [
    cited("Ice."),
    cited("p < 0.05"),
    cited("x <= 3"),
    cited("Größe ≥ 3 µm, 氷は冷たい"),
    cited("Ice.", "S1,S12"),
    cited("Ice.", "S1,S1"),
    cited("Ice.", ",".join(["S1"] * MAX_NAMES)),
    cited("5"),
    cited("(“ice”)"),
    cited("&lt;5 % and a &lt; b"),
    cited("< 5 %"),
    cited("Ελλάδα"),
    cited("ไทย"),
    cited("```x"),
    cited("A & B"),
    "<answer>no claim at all</answer>",
    "<answer>x < 3\n\n`code` is <snippet id=S2>Ice.</snippet> ``` <snippet id=S1>b</snippet>.\n</answer>",
    "<answer>\n<snippet id=S1>Ice.</snippet>\n<snippet id=S2>b</snippet>\n\n~~x\n</answer>",
    "<answer>1 <\t2.</answer>",
    "<answer>\u3000x</answer>",
    "<answer>S1 [1] {x} \\ \" ' - ^ ]</answer>",
]
BAD = [
    cited("Ice.", "S3"),
    cited("Ice.", "S"),
    cited("Ice.", "S1, S2"),
    cited("Ice.", '"S1"'),
    cited("Ice.", ""),
    cited("Ice.", ",".join(["S1"] * (MAX_NAMES + 1))),
    cited(""),
    cited(" "),
    cited("..."),
    cited("&lt;"),
    cited("&amp;&gt;"),
    cited("<&lt;"),
    cited("_"),
    cited("a\nb"),
    cited("<snippet id=S2>b</snippet>"),
    cited("<b>x</b>"),
    cited("a<b"),
    cited("a <"),
    cited("a<|im_end|>"),
    "<answer><cite id=S1>Ice.</cite></answer>",
    "<answer><snippet id=S1>Ice.</answer>",
    "<answer>Ice.</snippet></answer>",
    "<answer>a<b</answer>",
    "<answer>a <</answer>",
    "<answer>a < </answer",
    "<answer>a</answer> b",
    "b<answer>a</answer>",
    "<answer>a",
    "<answer></answer>",
    "<answer>\n</answer>",
    "<answer>```\na</answer>",
    "<answer>\u3000```\na</answer>",
    "<answer>a\n  ~~~\n</answer>",
    "<answer>a\n\n\nb</answer>",
    "<answer>a\rb</answer>",
    "<answer>a\x07b</answer>",
    "<answer>a\x85b</answer>",
    "<answer><think>a</think></answer>",
    "<answer><answer>a</answer></answer>",
    "<answer>a<|im_start|></answer>",
    "<answer>a<!-- b --></answer>",
    "<answer>a<<b</answer>",
    "",
]


def by_llguidance() -> Admits:
    """Whether llguidance admits a text, byte by byte."""
    import llguidance

    class Bytes:
        eos_token_id, bos_token_id, special_token_ids = 256, None, (256,)
        tokens = (*(bytes([value]) for value in range(256)), b"<end>")

        def __call__(self, text: bytes | str) -> list[int]:
            return list(text.encode() if isinstance(text, str) else text)

    tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(Bytes()))

    def admits(grammar: str, text: str) -> bool:
        matcher = llguidance.LLMatcher(tokenizer, llguidance.grammar_from("grammar", grammar))
        assert not matcher.is_error(), matcher.get_error()
        raw = text.encode()
        return bool(matcher.try_consume_tokens(list(raw)) == len(raw) and matcher.is_accepting())

    return admits


def by_xgrammar() -> Admits:
    """Whether xgrammar admits a text, byte by byte."""
    import xgrammar

    vocabulary = [*(bytes([value]) for value in range(256)), b"</s>"]
    info = xgrammar.TokenizerInfo(vocabulary, xgrammar.VocabType.RAW, stop_token_ids=[256])
    compiler = xgrammar.GrammarCompiler(info)

    def admits(grammar: str, text: str) -> bool:
        matcher = xgrammar.GrammarMatcher(compiler.compile_grammar(grammar))
        return bool((not text or matcher.accept_string(text.encode())) and matcher.accept_token(256))

    return admits


# xgrammar comes with vLLM: `make test-vllm` runs this file there too.
ENGINES = [by_llguidance, *([by_xgrammar] if find_spec("xgrammar") else [])]


@pytest.fixture(scope="module", params=ENGINES)
def admits(request: pytest.FixtureRequest) -> Admits:
    made: Admits = request.param()
    return made


@pytest.mark.parametrize("bounds", BOUNDS[:2], ids=["free", "bounded"])
@pytest.mark.parametrize("raw", GOOD)
def test_good_answers_are_admitted(admits: Admits, raw: str, bounds: dict[str, int | None]) -> None:
    assert admits(answer_grammar(NAMES, **bounds), raw)


@pytest.mark.parametrize("bounds", BOUNDS[:2], ids=["free", "bounded"])
@pytest.mark.parametrize("raw", BAD)
def test_bad_answers_are_not_admitted(admits: Admits, raw: str, bounds: dict[str, int | None]) -> None:
    assert not admits(answer_grammar(NAMES, **bounds), raw)


@settings(max_examples=40)
@given(chance=chances)
def test_the_engines_read_the_grammar_as_it_is_meant(admits: Admits, chance: random.Random) -> None:
    grammar = answer_grammar(NAMES)
    assert admits(grammar, write_admitted(read_gbnf(grammar), chance))


def test_the_engines_read_each_character_class_as_it_is_meant(admits: Admits) -> None:
    for kind in set(re.findall(r"\[(?:[^\]\\]|\\.)*\]", answer_grammar(NAMES))):
        members = {code for first, last in class_ranges(kind) for code in range(first, last + 1)}
        borders = {code + step for first, last in class_ranges(kind) for code in (first, last) for step in (-1, 0, 1)}
        blocks = {code + step for code in range(0x1000, 0x12000, 0x1000) for step in (-1, 0, 1, 0x7FF)}
        for code in sorted(borders | blocks):
            if 0 < code < 0x110000 and not 0xD800 <= code <= 0xDFFF:
                assert admits(f"root ::= {kind}", chr(code)) == (code in members), (kind, hex(code))


def test_bounds_bind(admits: Admits) -> None:
    grammar = answer_grammar(NAMES, max_claims=1, max_chars=10)
    assert admits(grammar, cited("x" * 11))
    assert not admits(grammar, cited("x" * 12))
    assert not admits(grammar, f"<answer>{cited('x')[8:-9] * 2}</answer>")


def test_without_snippets_nothing_can_be_cited(admits: Admits) -> None:
    grammar = answer_grammar([])
    assert admits(grammar, "<answer>Nobody knows.</answer>")
    assert not admits(grammar, cited("Ice."))
    assert not admits(grammar, "<answer></answer>")


@pytest.mark.parametrize("words", [["yes", "no"], ['say "x"\\'], ["é漢"]])
def test_a_choice_admits_its_words_and_no_other(admits: Admits, words: list[str]) -> None:
    grammar = choice_grammar(words)
    assert all(admits(grammar, word) for word in words)
    assert not any(admits(grammar, word) for word in (words[0] + "x", words[0][:-1], ""))


def test_three_hundred_names_are_ready_in_no_time(admits: Admits) -> None:
    many = [f"{number:064x}" for number in range(300)]
    grammar = answer_grammar(many)
    assert admits(grammar, cited("Ice.", ",".join(many[:MAX_NAMES])))
    assert not admits(grammar, cited("Ice.", "0" * 63))
    assert len(json.dumps(grammar)) < 30_000
