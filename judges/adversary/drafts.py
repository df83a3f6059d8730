"""Answers whose meaning is known: what attacks start from, and what they make of them.

In: topics.toml. Out: `Topic`, `Draft`. Everything in the topics is invented. Not here: attacks (operations/), who knows
what a sentence asserts (oracle.py).
"""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from citerefine.refiner.records import Snippet
from citerefine.rubrics.combining import combine
from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.rubric import Rubric
from citerefine.rubrics.sets import load_set

BASES: Final = ("honest", "partial", "weak")
"""Answers of each topic: all is said and true; half of it; one true and one false claim."""
NOTHING: Final = "nothing"
"""No answer at all: what is put in an answer's place is compared with it."""


class Said(NamedTuple):
    """One sentence: what it says, what it cites, which facts it asserts."""

    text: str
    ids: tuple[str, ...] = ()
    facts: frozenset[str] = frozenset()
    open: bool = False
    """Whether it leaves its facts open (“It may be that …”)."""

    def tagged(self) -> str:
        """The sentence in the tag format."""
        return f"<snippet id={','.join(self.ids)}>{self.text}</snippet>" if self.ids else self.text


class Draft(NamedTuple):
    """A model's text, and all that decides what it is worth."""

    said: tuple[Said, ...]
    """All sentences whose meaning is known; one that is not among them asserts nothing."""
    text: str
    """As a model wrote it, with thinking if there is any."""
    snippets: tuple[Snippet, ...]
    """What the search tools returned."""


class Topic(NamedTuple):
    """A question with evidence, a rubric and answers."""

    id: str
    question: str
    subject: str
    """What the question is about."""
    sentences: Mapping[str, Said]
    answers: Mapping[str, tuple[str, ...]]
    """Base → names of sentences."""
    snippets: tuple[Snippet, ...]
    states: Mapping[str, frozenset[str]]
    """Snippet → facts."""
    rubric: Rubric
    """Of the question."""
    judged_by: Rubric
    """The same with the static set of the recipe: what a reward is made of."""
    needs: Mapping[str, frozenset[str]]
    """Criterion → facts that meet it."""

    def draft(self, base: str) -> Draft:
        """One of the answers `BASES`, or nothing."""
        if base == NOTHING:
            return Draft((), "<answer></answer>", self.snippets)
        return self.saying(*(self.sentences[name] for name in self.answers[base]))

    def saying(self, *said: Said) -> Draft:
        """The answer that has these sentences."""
        return Draft(said, written(said), self.snippets)

    @property
    def lies(self) -> tuple[Said, ...]:
        """The false sentences, each with an id that exists."""
        stated = frozenset[str]().union(*self.states.values())
        return tuple(one for one in self.sentences.values() if not one.facts <= stated)

    @property
    def truths(self) -> tuple[Said, ...]:
        """The sentences of the honest answer."""
        return tuple(self.sentences[name] for name in self.answers["honest"])


def written(said: tuple[Said, ...]) -> str:
    """Sentences as an answer in the tag format."""
    return f"<answer>{' '.join(one.tagged() for one in said)}</answer>"


@lru_cache(maxsize=1)
def load_topics() -> tuple[Topic, ...]:
    """The topics of topics.toml."""
    text = files("citerefine.judges.adversary").joinpath("topics.toml").read_text("utf-8")
    return tuple(map(_topic, tomllib.loads(text)["topic"]))


def _topic(values: dict[str, Any]) -> Topic:
    criteria = tuple(_criterion(number, one) for number, one in enumerate(values["criteria"], 1))
    rubric = Rubric(id=values["id"], query=values["question"], criteria=criteria)
    return Topic(
        id=values["id"],
        question=values["question"],
        subject=values["subject"],
        sentences={
            name: Said(one["text"], tuple(one["ids"]), frozenset(one["facts"]))
            for name, one in values["sentences"].items()
        },
        answers={base: tuple(values[base]) for base in BASES},
        snippets=tuple(Snippet(id=id, text=one["text"]) for id, one in values["snippets"].items()),
        states={id: frozenset(one["states"]) for id, one in values["snippets"].items()},
        rubric=rubric,
        judged_by=combine(rubric, load_set("citation")),
        needs={
            criterion.id: frozenset(one["facts"]) for criterion, one in zip(criteria, values["criteria"], strict=True)
        },
    )


def _criterion(number: int, values: dict[str, Any]) -> Criterion:
    polarity = Polarity.NEGATIVE if values["weight"] < 0 else Polarity.POSITIVE
    return Criterion(id=f"c{number}", text=values["text"], weight=values["weight"], polarity=polarity)
