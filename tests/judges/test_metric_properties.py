"""What leaves the citation score as it is, what may only lower it, and what may only raise it, on random answers."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given as given_all
from hypothesis import settings
from hypothesis import strategies as st
from tests.judges.citation_cases import FactOracle

from citerefine.judges import CitationScore, CitedAnswer, Label, ascore
from citerefine.refiner import Evidence, Snippet
from citerefine.refiner.background import run
from citerefine.refiner.tags.scanner import parse_tags


def given(*strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Fifty random answers for each property: each is scored at least twice."""
    return lambda test: settings(max_examples=50)(given_all(*strategies)(test))


SUBJECTS = ("Perch", "Ice cover", "Salinity", "Algal blooms", "Trout", "Zooplankton", "Oxygen", "Nitrate", "Reed beds")
FILLER = ("Overall it is really very nice to study them.", "What changed?", "In short, this is so.")
IDS = ("s0", "s1", "s2", "s3")
FALSE = "zz"
"""A fact that no snippet states."""


@dataclass(frozen=True)
class Said:
    """One sentence of an answer."""

    text: str
    ids: tuple[str, ...]
    """Empty: uncited."""


@dataclass(frozen=True)
class World:
    """An answer, and all that decides how true it is."""

    said: tuple[Said, ...]
    facts: dict[str, frozenset[str]]
    """Claim → what it asserts."""
    states: dict[str, frozenset[str]]
    """Snippet → what it states."""

    def render(self) -> str:
        return f"<answer>{' '.join(map(tagged, self.said))}</answer>"

    def score(self, raw: str | None = None) -> CitationScore:
        evidence = Evidence([Snippet(id=id, text=f"Passage {id}.") for id in self.states])
        oracle = FactOracle(
            {text: [*facts] for text, facts in self.facts.items()}, {id: [*f] for id, f in self.states.items()}
        )
        return run(ascore(CitedAnswer(parse_tags(self.render() if raw is None else raw), evidence), oracle))

    def saying(self, *more: Said, facts: frozenset[str] = frozenset({FALSE})) -> "World":
        """The same with more said at the end."""
        return replace(self, said=self.said + more, facts=self.facts | {one.text: facts for one in more})


def tagged(said: Said) -> str:
    return f"<snippet id={','.join(said.ids)}>{said.text}</snippet>" if said.ids else said.text


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Answers of up to seven sentences, of any degree of truth, with known and unknown ids."""
    facts = st.sampled_from(["f0", "f1", "f2", "f3", FALSE])
    states = {id: draw(st.frozensets(st.sampled_from(["f0", "f1", "f2", "f3"]), max_size=3)) for id in IDS}
    claims: dict[str, frozenset[str]] = dict.fromkeys(FILLER, frozenset())
    said = list[Said]()
    for number in range(draw(st.integers(0, 6))):
        if draw(st.integers(0, 4)) == 0:
            said.append(Said(draw(st.sampled_from(FILLER)), ()))
            continue
        padding = "of all lakes " * draw(st.integers(0, 9))
        text = f"{SUBJECTS[number]} changed by {draw(st.integers(2, 99))} percent {padding}then."
        claims[text] = draw(st.frozensets(facts, min_size=1, max_size=2))
        said.append(Said(text, tuple(draw(st.lists(st.sampled_from([*IDS, "unknown"]), unique=True, max_size=4)))))
    return World(tuple(said), claims, states)


def figures(score: CitationScore) -> tuple[float | None, ...]:
    numbers = (score.precision, score.recall, score.f1, score.score)
    return tuple(None if number is None else round(number, 9) for number in numbers)


def at_most(lower: CitationScore, upper: CitationScore) -> bool:
    """Whether neither F1 nor the training score of the first is above those of the second."""
    assert None not in (lower.f1, upper.f1, lower.score, upper.score)
    return (lower.f1 or 0) <= (upper.f1 or 0) + 1e-9 and (lower.score or 0) <= (upper.score or 0) + 1e-9


SEEDS = st.integers(0, 2**32 - 1)


# --- nothing changes --------------------------------------------------------------------------------------------------


@given(worlds(), SEEDS)
def test_order_does_not_matter(world: World, seed: int) -> None:
    said = [*world.said]
    random.Random(seed).shuffle(said)
    assert figures(replace(world, said=tuple(said)).score()) == figures(world.score())


@given(worlds(), st.integers(1, 4))
def test_saying_a_claim_again_does_not_matter(world: World, times: int) -> None:
    claims = tuple(one for one in world.said if one.ids)
    assert figures(replace(world, said=world.said + claims * times).score()) == figures(world.score())


@given(worlds(), SEEDS)
def test_names_of_ids_do_not_matter(world: World, seed: int) -> None:
    names = dict(zip([*IDS, "unknown"], random.Random(seed).sample("abcdefgh", 5), strict=True))
    renamed = World(
        tuple(Said(one.text, tuple(names[id] for id in one.ids)) for one in world.said),
        world.facts,
        {names[id]: facts for id, facts in world.states.items()},
    )
    assert figures(renamed.score()) == figures(world.score())


@given(worlds(), SEEDS)
def test_white_space_does_not_matter(world: World, seed: int) -> None:
    space = random.Random(seed)
    reflowed = "".join(
        space.choice(["\n", "\r\n", "  ", " \t", " "]) if char == " " and not inside else char
        for char, inside in with_tags(world.render())
    )
    assert figures(world.score(reflowed)) == figures(world.score())


def with_tags(text: str) -> list[tuple[str, bool]]:
    """Each character, and whether it belongs to a tag."""
    found, inside = list[tuple[str, bool]](), False
    for char in text:
        inside = inside or char == "<"
        found.append((char, inside))
        inside = inside and char != ">"
    return found


@given(worlds(), SEEDS)
def test_cutting_a_tag_in_two_does_not_matter(world: World, seed: int) -> None:
    cut = random.Random(seed)
    parts = list[str]()
    for one in world.said:
        words = one.text.split(" ")
        at = cut.randrange(1, len(words))
        first, second = " ".join(words[:at]), " ".join(words[at:])
        parts.append(f"{tagged(Said(first, one.ids))} {tagged(Said(second, one.ids))}" if one.ids else one.text)
    assert figures(world.score(f"<answer>{' '.join(parts)}</answer>")) == figures(world.score())


@given(worlds())
def test_one_tag_around_sentences_with_the_same_ids_is_as_good_as_one_each(world: World) -> None:
    same = [replace(one, ids=("s0", "s1")) for one in world.said if one.ids]
    apart = replace(world, said=tuple(same))
    together = tagged(Said(" ".join(one.text for one in same), ("s0", "s1"))) if same else ""
    assert figures(apart.score(f"<answer>{together}</answer>")) == figures(apart.score())


# --- nothing is gained ------------------------------------------------------------------------------------------------


@given(worlds(), st.lists(st.sampled_from(IDS), unique=True), st.integers(0, 60))
def test_an_unsupported_claim_never_raises_the_score(world: World, ids: list[str], length: int) -> None:
    lie = Said(f"Sturgeon left the lake {'for many cold winters ' * length}once.", tuple(ids))
    assert at_most(world.saying(lie).score(), world.score())


@given(worlds(), st.integers(1, 5))
def test_an_invented_id_never_raises_the_score(world: World, n: int) -> None:
    said = tuple(
        replace(one, ids=(*one.ids, *(f"made-up-{k}" for k in range(n)))) if one.ids else one for one in world.said
    )
    assert at_most(replace(world, said=said).score(), world.score())


@given(worlds())
def test_an_idle_id_never_raises_precision(world: World) -> None:
    said = tuple(replace(one, ids=(*one.ids, "idle")) if one.ids else one for one in world.said)
    padded = replace(world, said=said, states={**world.states, "idle": frozenset[str]()})
    unpadded = replace(world, states=padded.states)
    assert (padded.score().precision or 0) <= (unpadded.score().precision or 0) + 1e-9


@given(worlds())
def test_nothing_is_worth_less_than_an_empty_answer(world: World) -> None:
    assert figures(replace(world, said=()).score()) == (0, 0, 0, 0)
    assert all(number is not None and 0 <= number <= 1 for number in figures(world.score()))


# --- nothing is lost --------------------------------------------------------------------------------------------------


@given(worlds(), st.sampled_from(IDS), st.integers(0, 60))
def test_a_supported_claim_never_lowers_the_score(world: World, id: str, length: int) -> None:
    claim = Said(f"Sturgeon came to the lake {'for many cold winters ' * length}once.", (id,))
    world = replace(world, states={**world.states, id: world.states[id] | {"new"}})
    assert at_most(world.score(), world.saying(claim, facts=frozenset({"new"})).score())


@given(worlds(), st.integers(0, 6))
def test_more_support_for_a_claim_with_one_citation_never_lowers_the_score(world: World, which: int) -> None:
    single = replace(world, said=tuple(replace(one, ids=one.ids[:1]) for one in world.said))
    cited = [one for one in single.said if one.ids and one.ids[0] in IDS]
    if not cited:
        return
    one = cited[which % len(cited)]
    id = one.ids[0]
    more = replace(single, states={**single.states, id: single.states[id] | single.facts[one.text]})
    assert at_most(single.score(), more.score())


@given(worlds(), st.sampled_from(IDS))
def test_a_sufficient_citation_for_an_unsupported_claim_never_lowers_the_score(world: World, id: str) -> None:
    lie = Said("Sturgeon left the lake once.", ("s0", "s1"))
    told = world.saying(lie)
    states = {**told.states, "proof": frozenset({FALSE})}
    before = replace(told, states=states)
    after = replace(before, said=(*world.said, replace(lie, ids=(*lie.ids, "proof"))))
    assert at_most(before.score(), after.score())


# --- failures ---------------------------------------------------------------------------------------------------------


@given(worlds(), st.sets(st.integers(0, 6)))
def test_a_judge_that_fails_on_all_that_is_cited_gives_no_figure(world: World, failing: set[int]) -> None:
    claims = [one.text for one in world.said if one.ids and one.ids != ("unknown",)]
    fails = tuple(text for number, text in enumerate(claims) if number in failing)
    oracle = FactOracle(
        {text: [*facts] for text, facts in world.facts.items()}, {id: [*f] for id, f in world.states.items()}, fails
    )
    evidence = Evidence([Snippet(id=id, text=f"Passage {id}.") for id in world.states])
    score = run(ascore(CitedAnswer(parse_tags(world.render()), evidence), oracle))
    assert score.n_failed == len(fails)
    if claims and len(fails) == len(claims):
        assert figures(score) == (None, None, None, None)
        assert score.reason
    assert all(unit.support is None for unit in score.units if unit.text in fails)


def test_labels_that_the_oracle_gives_are_what_the_properties_are_about() -> None:
    oracle = FactOracle({"A b c.": ["f0", "f1"]}, {"s0": ["f0"]})
    evidence = Evidence([Snippet(id="s0", text="Passage.")])
    score = run(ascore(CitedAnswer(parse_tags("<answer><snippet id=s0>A b c.</snippet></answer>"), evidence), oracle))
    assert [unit.verdict and unit.verdict.label for unit in score.units] == [Label.PARTIAL]
