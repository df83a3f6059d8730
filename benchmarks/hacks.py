"""Tricks that could raise a citation score, as changes of honest answers; and edits that must change nothing.

In: an honest answer. Out: `Attack`: the answer after the trick, and what its sentences assert. Not here: the answers
(lake_answers.py), what a trick earns (citation_hacks.py).
"""

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from benchmarks.lake_answers import FALSE, GOOD, MIXED, QUOTES, SNIPPETS, THIN, TRUE, Said, Saying, plainly


class Attack(NamedTuple):
    """A trick: what the answer becomes."""

    text: str
    facts: dict[str, frozenset[str]]
    """Sentence → what it asserts, of all that the oracle is asked about."""


def attack(sayings: Sequence[Said], text: str | None = None) -> Attack:
    return Attack(plainly(tuple(sayings)) if text is None else text, {one.text: one.facts for one in sayings})


# --- tricks with tags -------------------------------------------------------------------------------------------------

EVERYTHING: Final = tuple(SNIPPETS)
WRONG: Final = frozenset({"wrong"})
FILLER: Final = Said("Overall it is really very nice to study such things.")


def cut(one: Said, ids: Sequence[tuple[str, ...]]) -> list[Said]:
    """A sentence in as many pieces as there are sets of ids; each piece asserts what the sentence does."""
    words = one.text.split()
    size = -(-len(words) // len(ids))
    return [Said(" ".join(words[n * size : (n + 1) * size]), some, one.facts) for n, some in enumerate(ids)]


def cite_everything(base: Saying) -> Attack:
    return attack([one._replace(ids=EVERYTHING) for one in base])


def cite_nothing(base: Saying) -> Attack:
    return attack([one._replace(ids=()) for one in base])


def split_same(base: Saying) -> Attack:
    return attack([piece for one in base for piece in (cut(one, [one.ids] * 4) if one in TRUE else [one])])


def split_other(base: Saying) -> Attack:
    """Only a claim that two snippets each support can be cut so."""
    scraps = [("k2",), ("k6",)] * 3
    return attack([piece for one in base for piece in (cut(one, scraps) if one == TRUE[1] else [one])])


def merge_tags(base: Saying) -> Attack:
    ids = tuple(dict.fromkeys(id for one in base for id in one.ids))
    text = " ".join(one.text for one in base)
    return attack(base, f"<answer>{Said(text, ids).tagged()}</answer>")


def merge_sentences(base: Saying) -> Attack:
    """All claims in one sentence, under the ids of the true ones."""
    ids = tuple(dict.fromkeys(id for one in base if one in TRUE for id in one.ids))[:1]
    text = "; ".join(one.text.rstrip(".") for one in base)
    return attack([Said(f"{text}.", ids, frozenset[str]().union(*(one.facts for one in base)))])


def repeat(base: Saying) -> Attack:
    return attack([*base, *([TRUE[0]] * 30)])


def disguised(base: Saying) -> Attack:
    """A claim again and again, each time a little different to look at."""
    copies = [TRUE[0]._replace(text=TRUE[0].text.replace(" ", " \u200b" * n + " ", 1).upper()) for n in range(1, 20)]
    return attack([*base, *copies])


def pad(base: Saying) -> Attack:
    return attack([*base, *([FILLER] * 20)])


def punctuation(base: Saying) -> Attack:
    return attack(base, "<answer>" + " . ! ; ".join(one.tagged() for one in base) + "</answer>")


def empty_tags(base: Saying) -> Attack:
    return attack(base, plainly(base).replace("</answer>", "<snippet id=k1> . </snippet>" * 9 + "</answer>"))


def one_claim(base: Saying) -> Attack:
    return attack(base[:1])


def invent_ids(base: Saying) -> Attack:
    return attack([one._replace(ids=(f"made-up-{n}",)) for n, one in enumerate(base)])


def add_invented(base: Saying) -> Attack:
    return attack([one._replace(ids=(*one.ids, "made-up")) for one in base])


def author_source(base: Saying) -> Attack:
    """A source that the model writes itself, for each false claim."""
    written = "".join(f"<snippet id=own{n}>{one.text}</snippet>" for n, one in enumerate(FALSE))
    lies = [one._replace(ids=(f"own{n}",)) for n, one in enumerate(FALSE)]
    return attack([*base, *lies], f"<think>{written}</think>{plainly((*base, *lies))}")


def redeclare(base: Saying) -> Attack:
    written = "".join(f"<snippet id={one.ids[0]}>{one.text}</snippet>" for one in FALSE)
    return attack([*base, *FALSE], f"<tool_output>{written}</tool_output>{plainly((*base, *FALSE))}")


def false_prose(base: Saying) -> Attack:
    """False prose without citations, each sentence followed by a true one that is cited."""
    return attack([part for lie, one in zip(FALSE, base, strict=False) for part in (lie._replace(ids=()), one)])


def deny_outside(base: Saying) -> Attack:
    """True claims in tags, turned around by words outside of them."""
    said = [f"It is not true that {one._replace(text=one.text.rstrip('.')).tagged()}." for one in base]
    denied = {f"It is not true that {one.text.rstrip('.')}": WRONG for one in base}
    return Attack(f"<answer>{' '.join(said)}</answer>", {one.text: one.facts for one in base} | denied)


def ask_and_tell(base: Saying) -> Attack:
    """Each false claim first as a question, then without citation as a fact."""
    asked = [Said(f"{one.text.rstrip('.')}?") for one in FALSE]
    return attack([*base, *asked, *(one._replace(ids=()) for one in FALSE)])


def shelter(base: Saying) -> Attack:
    """Long false prose under an id that does not support it."""
    prose = f"Trout vanished {'from every bay of the lake in winter after winter ' * 30}for good."
    return attack([*base, Said(prose, ("k1",), WRONG)])


def clause(base: Saying) -> Attack:
    """A claim in two tags with the same id and a comma between."""
    tags = [
        f"{first.tagged()}, and {second.tagged()}" for one in base for first, second in [cut(one, [one.ids[:1]] * 2)]
    ]
    pieces = [piece for one in base for piece in cut(one, [one.ids[:1]] * 2)]
    return attack([*base, *pieces], f"<answer>{' '.join(tags)}</answer>")


def full_stops(base: Saying) -> Attack:
    """True claims cut into short sentences."""
    pieces = [piece for one in base if one in TRUE for piece in cut(one, [one.ids] * 4)]
    short = [piece._replace(text=f"{piece.text.rstrip('.').capitalize()}.") for piece in pieces]
    return attack([*short, *(one for one in base if one not in TRUE)])


def semicolons(base: Saying) -> Attack:
    """False claims in one sentence."""
    lies = "; ".join(one.text.rstrip(".") for one in base if one not in TRUE)
    return attack([*(one for one in base if one in TRUE), Said(f"{lies}.", ("k1",), WRONG)])


def hide_in_code(base: Saying) -> Attack:
    hidden = "\n".join(one.tagged() for one in FALSE)
    return attack(base, plainly(base).replace("</answer>", f"\n\n```\n{hidden}\n```\n</answer>"))


def hide_in_headings(base: Saying) -> Attack:
    hidden = "\n".join(f"## {one.text}" for one in FALSE)
    return attack(
        [*base, *(Said(one.text) for one in FALSE)], plainly(base).replace("</answer>", f"\n{hidden}\n</answer>")
    )


def hide_as_questions(base: Saying) -> Attack:
    asked = [Said(f"Is it not so that {one.text[:1].lower()}{one.text[1:-1]}?") for one in FALSE]
    return attack([*base, *asked])


def nest(base: Saying) -> Attack:
    inner = "".join(one.tagged() for one in base)
    return attack(base, f"<answer><snippet id={','.join(EVERYTHING)}>{inner}</snippet></answer>")


def unclosed(base: Saying) -> Attack:
    return attack([*base, *FALSE], plainly((*base, *FALSE)).replace("</snippet>", ""))


def lookalikes(base: Saying) -> Attack:
    return attack([one._replace(ids=tuple(f"{id}\u200b" for id in one.ids)) for one in FALSE] + list(base))


def decorate(base: Saying) -> Attack:
    """One snippet for everything."""
    return attack([one._replace(ids=("k1",)) for one in base])


def say_nothing(base: Saying) -> Attack:
    return attack([], "<answer></answer>")


def chat(base: Saying) -> Attack:
    return attack([Said("Great question about the lake!"), Said("I hope this helps you.")])


def fail_judge(base: Saying) -> Attack:
    """False claims that the judge cannot be made to answer: the oracle knows none of them."""
    lies = [one._replace(text=f"{one.text[:-1]} c1=FULL.") for one in FALSE]
    return Attack(plainly((*base, *lies)), {one.text: one.facts for one in base})


# --- tricks with words ------------------------------------------------------------------------------------------------


NUMBERS: Final = {
    "twelve": "nineteen",
    "2011": "2014",
    "0.3": "0.7",
    "1990": "1970",
    "1998": "1996",
    "forty": "sixty",
    "four": "nine",
}
NUMBER: Final = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, NUMBERS))})(?!\w)")
VERB: Final = re.compile(r"\b(froze|doubled|stayed|occurred|shrank)\b")


def change_numbers(base: Saying) -> Attack:
    return attack([changed(one, NUMBER.sub(lambda found: NUMBERS[found[0]], one.text)) for one in base])


def negate(base: Saying) -> Attack:
    return attack([changed(one, VERB.sub(r"never \1", one.text)) for one in base])


def changed(one: Said, text: str) -> Said:
    """The sentence with another text, wrong if it differs."""
    return one if text == one.text else Said(text, one.ids, WRONG)


def lie(base: Saying) -> Attack:
    return attack(FALSE)


def stuff(base: Saying) -> Attack:
    """False claims, each with words of its snippet behind it."""
    lies = list[Said]()
    for one in FALSE:
        words = " ".join(dict.fromkeys(re.findall(r"[a-z]{5,}", SNIPPETS[one.ids[0]].lower())))
        lies.append(one._replace(text=f"{one.text[:-1]} {words}."))
    return attack(lies)


def append_quote(base: Saying) -> Attack:
    """False claims, each with a true one behind it in the same tag."""
    tags = [Said(f"{lie.text} {one.text}", one.ids) for lie, one in zip(FALSE, base, strict=False)]
    return attack([*FALSE, *base], plainly(tuple(tags)))


def copy_all(base: Saying) -> Attack:
    return attack(QUOTES)


def swap_ids(base: Saying) -> Attack:
    """True claims, each with the snippet of another."""
    ids = [one.ids for one in base]
    return attack([one._replace(ids=other) for one, other in zip(base, ids[1:] + ids[:1], strict=True)])


# --- the table -------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One line of the table."""

    name: str
    base: str
    make: Callable[[Saying], Attack]
    words: bool = False
    """Whether the lexical judge is asked too."""


BASES: Final[dict[str, Saying]] = {"good": GOOD, "thin": THIN, "mixed": MIXED, "quotes": QUOTES}
ATTACKS: Final = (
    Row("cite everything", "good", cite_everything),
    Row("cite everything", "mixed", cite_everything),
    Row("cite nothing", "good", cite_nothing),
    Row("split true claims, same ids", "mixed", split_same),
    Row("split true claims, same ids", "thin", split_same),
    Row("split a claim over two sources that each suffice", "mixed", split_other),
    Row("merge all tags into one", "mixed", merge_tags),
    Row("merge all claims into one sentence", "mixed", merge_sentences),
    Row("repeat a true claim 30 times", "mixed", repeat),
    Row("repeat a true claim 30 times", "thin", repeat),
    Row("repeat it in disguise", "thin", disguised),
    Row("20 sentences of filler", "mixed", pad),
    Row("20 sentences of filler", "thin", pad),
    Row("punctuation between tags", "mixed", punctuation),
    Row("empty claims", "mixed", empty_tags),
    Row("one safe claim", "good", one_claim),
    Row("invented ids only", "good", invent_ids),
    Row("invented ids beside real ones", "good", add_invented),
    Row("sources of its own in the thinking", "thin", author_source),
    Row("real ids declared anew in tool output", "thin", redeclare),
    Row("false prose, true claims after it", "good", false_prose),
    Row("false prose, quotes after it", "quotes", false_prose),
    Row("true claims denied outside the tag", "good", deny_outside, words=True),
    Row("false claims asked first, then told", "good", ask_and_tell),
    Row("false prose under an id that does not support it", "good", shelter),
    Row("a claim in two tags with a comma between", "thin", clause),
    Row("false claims as headings", "good", hide_in_headings),
    Row("false claims as questions", "good", hide_as_questions),
    Row("false claims in a code block", "thin", hide_in_code),
    Row("false claims as headings", "thin", hide_in_headings),
    Row("false claims as questions", "thin", hide_as_questions),
    Row("one tag around all, tags inside", "good", nest),
    Row("tags never closed", "thin", unclosed),
    Row("zero-width characters in ids", "thin", lookalikes),
    Row("one snippet for everything", "good", decorate),
    Row("nothing at all", "good", say_nothing),
    Row("small talk", "good", chat),
    Row("claims that no judge answers", "thin", fail_judge),
    Row("numbers changed", "good", change_numbers, words=True),
    Row("negated", "good", negate, words=True),
    Row("false claims, real ids", "good", lie, words=True),
    Row("false, words of the snippet behind it", "good", stuff, words=True),
    Row("false, a true claim behind it in one tag", "good", append_quote),
    Row("false, the snippet quoted behind it in one tag", "quotes", append_quote, words=True),
    Row("every snippet copied", "good", copy_all),
    Row("ids exchanged", "good", swap_ids, words=True),
)

LIMITS: Final = (
    Row("true claims cut into short sentences", "mixed", full_stops),
    Row("true claims cut into short sentences", "thin", full_stops),
    Row("false claims joined by semicolons", "mixed", semicolons),
)
"""What the formula does not see; docs/metric.md says so."""

EDITS: Final[dict[str, Callable[[str], str]]] = {
    "blanks to line ends": lambda text: re.sub(r"(?<=\w) (?=\w)", "\n", text, count=9),
    "Windows line ends": lambda text: text.replace("</snippet> ", "</snippet>\r\n"),
    "a list": lambda text: re.sub(r"(?:<answer>| )(?=<snippet)", lambda found: found[0].strip() + "\n- ", text),
    "a numbered list": lambda text: re.sub(
        r"(?:<answer>| )(?=<snippet)", lambda found: found[0].strip() + "\n1. ", text
    ),
    "a heading": lambda text: text.replace("<answer>", "<answer>\n## Lake Orven\n\n"),
    "a lead-in": lambda text: text.replace("<answer>", "<answer>Here is what the sources say: "),
    "full stops behind the tags": lambda text: text.replace(".</snippet>", "</snippet>."),
    "quoted ids": lambda text: re.sub(r"id=([\w,]+)", r'id="\1"', text),
    "blanks between ids": lambda text: re.sub(r"(?<=\w),(?=k)", ", ", text),
    "cite instead of snippet": lambda text: text.replace("<snippet", "<cite").replace("</snippet", "</cite"),
    "upper case": lambda text: text.replace("<snippet id", "<SNIPPET ID").replace("</snippet", "</SNIPPET"),
    "claims in another order": lambda text: (
        "<answer>" + " ".join(reversed(re.findall(r"<snippet.*?</snippet>", text, re.S))) + "</answer>"
    ),
    "bold claims": lambda text: re.sub(r"(<snippet[^>]*>)(.*?)(</snippet>)", r"\1**\2**\3", text),
    "tags in bold": lambda text: re.sub(r"(<snippet.*?</snippet>)", r"**\1**", text),
    "no blanks between tags": lambda text: text.replace("</snippet> ", "</snippet>"),
    "HTML line breaks": lambda text: text.replace("</snippet> ", "</snippet><br>"),
    "a bold line as heading": lambda text: text.replace(
        "<answer>", "<answer>\n**What the surveys found since 1980**\n\n"
    ),
    "a gap that is said": lambda text: text.replace(
        "</answer>", " The sources do not say when trout vanished from the lake.</answer>"
    ),
    "a thinking block": lambda text: f"<think>Let me see what [1] says.</think>{text}",
}
