"""Invented answers about a lake, and all that decides how true they are: what the hack table starts from.

In: nothing. Out: snippets, claims that are true and false of them, honest answers made of these. Not here: tricks
(hacks.py), measuring (citation_hacks.py).
"""

from typing import Final, NamedTuple


class Said(NamedTuple):
    """One sentence: what it says, what it cites, which facts it asserts."""

    text: str
    ids: tuple[str, ...] = ()
    facts: frozenset[str] = frozenset()

    def tagged(self) -> str:
        return f"<snippet id={','.join(self.ids)}>{self.text}</snippet>" if self.ids else self.text


Saying = tuple[Said, ...]

SNIPPETS: Final = {
    "k1": "Ice records of the harbour office show that Lake Orven froze twelve days later in the winter of 2011 than "
    "it did in the winter of 1981, and that the ice broke up nine days earlier in spring.",
    "k2": "Net surveys carried out every second summer put the perch biomass of Lake Orven in 2010 at twice the level "
    "of 1990, while the number of roach caught in the same nets hardly changed at all.",
    "k3": "Salinity stayed below 0.3 g/L at all four stations in every year that was sampled between 1985 and 2012, "
    "although the road along the eastern shore has been salted each winter.",
    "k4": "Algal blooms were logged by the waterworks in July 1998 and once more in August 2006; neither of the two "
    "lasted for longer than three weeks.",
    "k5": "Reed beds along the northern shore of Lake Orven shrank by forty percent after the water level was raised "
    "for the power station in 1987.",
    "k6": "The perch biomass measured with nets doubled over two decades, as an independent survey with echo sounders "
    "confirmed in 2010.",
}
STATES: Final = {
    "k1": {"ice"},
    "k2": {"perch", "roach"},
    "k3": {"salt"},
    "k4": {"blooms"},
    "k5": {"reeds"},
    "k6": {"perch"},
}


def said(text: str, ids: str, *facts: str) -> Said:
    return Said(text, tuple(ids.split(",")) if ids else (), frozenset(facts))


TRUE: Final = (
    said("Lake Orven froze twelve days later in 2011 than in 1981.", "k1", "ice"),
    said("Its perch biomass doubled between 1990 and 2010.", "k2,k6", "perch"),
    said("Salinity stayed below 0.3 g/L at all four stations.", "k3", "salt"),
    said("Algal blooms occurred in July 1998 and August 2006.", "k4", "blooms"),
    said("Reed beds shrank by forty percent after the water level rose.", "k5", "reeds"),
    said("Perch doubled in number while the roach hardly changed.", "k2", "perch", "roach"),
)
FALSE: Final = (
    said("Lake Orven never froze at all in the winter of 2011.", "k1", "no ice"),
    said("Its perch biomass was halved between 1990 and 2010.", "k2", "fewer perch"),
    said("Salinity reached 4 g/L at three of the stations.", "k3", "salty"),
    said("No algal bloom was ever seen on the lake.", "k4", "no blooms"),
)
GOOD: Final[Saying] = TRUE
THIN: Final[Saying] = TRUE[:2]
MIXED: Final[Saying] = (TRUE[0], FALSE[0], TRUE[1], *FALSE[1:])
"""Two of six claims are supported."""


QUOTES: Final[Saying] = tuple(Said(text, (id,), frozenset(STATES[id])) for id, text in SNIPPETS.items())[:4]


def plainly(sayings: Saying) -> str:
    return f"<answer>{' '.join(one.tagged() for one in sayings)}</answer>"
