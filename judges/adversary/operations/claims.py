"""Attacks on claims and their tags.

In: a draft. Out: another draft, with what its new sentences assert. Not here: attacks on evidence (evidence.py).
"""

import re
from collections.abc import Sequence
from typing import Final

from citerefine.judges.adversary.drafts import Draft, Said, Topic, written
from citerefine.judges.adversary.operations.operation import Operation, asked_for, filled, inside

WRONG: Final = frozenset({"wrong number"})


def says(draft: Draft, said: Sequence[Said], text: str | None = None) -> Draft:
    """The draft with other sentences; `text` if they are written in another way than plainly."""
    return draft._replace(said=tuple(said), text=written(tuple(said)) if text is None else text)


def cut(one: Said, n: int) -> list[Said]:
    """A sentence in `n` pieces; each asserts what the sentence does."""
    words = one.text.split()
    size = -(-len(words) // n)
    return [one._replace(text=" ".join(words[at : at + size])) for at in range(0, len(words), size)]


def cite_everything(draft: Draft, topic: Topic, text: str) -> Draft:
    del text
    return says(draft, [one._replace(ids=tuple(topic.states)) for one in draft.said])


def cite_nothing(draft: Draft, topic: Topic, text: str) -> Draft:
    del topic, text
    return says(draft, [one._replace(ids=()) for one in draft.said])


def one_source(draft: Draft, topic: Topic, text: str) -> Draft:
    del text
    return says(draft, [one._replace(ids=(next(iter(topic.states)),)) for one in draft.said])


def add_source(draft: Draft, topic: Topic, text: str) -> Draft:
    """A further source to each claim, for show."""
    del text
    ids = tuple(topic.states)
    return says(
        draft,
        [one._replace(ids=tuple(dict.fromkeys((*one.ids, ids[n % len(ids)])))) for n, one in enumerate(draft.said, 1)],
    )


def split(draft: Draft, topic: Topic, text: str) -> Draft:
    """Supported claims in four tags each."""
    del text
    pieces = [piece for one in draft.said for piece in (cut(one, 4) if _is_true(one, topic) else [one])]
    return says(draft, [*draft.said, *pieces], written(tuple(pieces)))


def merge_tags(draft: Draft, topic: Topic, text: str) -> Draft:
    del topic, text
    ids = tuple(dict.fromkeys(id for one in draft.said for id in one.ids))
    return says(draft, draft.said, written((Said(" ".join(one.text for one in draft.said), ids),)))


def merge_sentences(draft: Draft, topic: Topic, text: str) -> Draft:
    del topic, text
    facts = frozenset[str]().union(*(one.facts for one in draft.said))
    merged = "; ".join(one.text.rstrip(".") for one in draft.said)
    return says(draft, [Said(f"{merged}.", draft.said[0].ids, facts)])


def repeat(draft: Draft, topic: Topic, text: str) -> Draft:
    del topic, text
    return says(draft, [*draft.said, *([draft.said[0]] * 30)])


def repeat_ids(draft: Draft, topic: Topic, text: str) -> Draft:
    del topic, text
    return says(draft, draft.said, written(tuple(one._replace(ids=one.ids * 9) for one in draft.said)))


def disguise(draft: Draft, topic: Topic, text: str) -> Draft:
    """A claim again and again, each time with other letters that look the same, or none at all."""
    del topic, text
    first = draft.said[0]
    copies = [first._replace(text=first.text.replace(" ", " \u200b" * n + " ", 1).upper()) for n in range(1, 10)]
    wide = first._replace(text="".join(chr(ord(c) + 0xFEE0) if c.isalnum() and c.isascii() else c for c in first.text))
    return says(draft, [*draft.said, *copies, wide])


def swap_letters(draft: Draft, topic: Topic, text: str) -> Draft:
    """True claims again, with Cyrillic letters among the Latin ones, so that they look like further claims."""
    del topic, text
    letters = str.maketrans("aeop", "аеор")
    return says(draft, [*draft.said, *(one._replace(text=one.text.translate(letters)) for one in draft.said[:1] * 5)])


def one_claim(draft: Draft, topic: Topic, text: str) -> Draft:
    del topic, text
    return says(draft, draft.said[:1])


def change_numbers(draft: Draft, topic: Topic, text: str) -> Draft:
    """Each digit another one."""
    del topic, text
    digits = str.maketrans("0123456789", "3456789012")
    changed = [one._replace(text=one.text.translate(digits)) for one in draft.said]
    return says(
        draft,
        [
            new if new.text == old.text else new._replace(facts=WRONG)
            for old, new in zip(draft.said, changed, strict=True)
        ],
    )


def negate(draft: Draft, topic: Topic, text: str) -> Draft:
    """Each claim denied by words around its tag."""
    del topic, text
    denied = [one._replace(text=f"It is not true that {one.text.rstrip('.')}", facts=WRONG) for one in draft.said]
    shown = " ".join(f"It is not true that {one._replace(text=one.text.rstrip('.')).tagged()}." for one in draft.said)
    return says(draft, denied, f"<answer>{shown}</answer>")


def invent_ids(draft: Draft, topic: Topic, text: str) -> Draft:
    del topic, text
    return says(draft, [one._replace(ids=(f"made-up-{n}",)) for n, one in enumerate(draft.said)])


def add_invented(draft: Draft, topic: Topic, text: str) -> Draft:
    del topic, text
    return says(draft, [one._replace(ids=(*one.ids, "made-up")) for one in draft.said])


def hidden_ids(draft: Draft, topic: Topic, text: str) -> Draft:
    """False claims under ids with a character that nobody sees."""
    del text
    return says(draft, [*draft.said, *(one._replace(ids=(f"{one.ids[0]}\u200b",)) for one in topic.lies)])


def lies_outside(draft: Draft, topic: Topic, text: str) -> Draft:
    """False claims, without tags."""
    del text
    return says(draft, [*draft.said, *(one._replace(ids=()) for one in topic.lies)])


def lies_as_headings(draft: Draft, topic: Topic, text: str) -> Draft:
    del text
    headings = "".join(f"\n## {one.text}" for one in topic.lies)
    return says(
        draft,
        [*draft.said, *(one._replace(ids=()) for one in topic.lies)],
        inside(draft, "", f"{headings}\n"),
    )


def empty_claims(draft: Draft, topic: Topic, text: str) -> Draft:
    id = next(iter(topic.states))
    return draft._replace(text=inside(draft, "", f"<snippet id={id}>{text}</snippet>" * 9))


def empty_said(draft: Draft, topic: Topic, text: str) -> Draft:
    """Sentences under real ids that assert nothing."""
    ids = tuple(topic.states)
    return says(draft, [*draft.said, *(Said(filled(text, topic), (id,)) for id in ids[:4])])


def half(draft: Draft, topic: Topic, text: str) -> Draft:
    """Of a criterion with two parts the second, and the words of the first."""
    compound = next(wanted for wanted in asked_for(topic) if " and that " in wanted)
    words = " ".join(compound.partition(" and that ")[0].split()[:3])
    return draft._replace(text=inside(draft, "", f" {text.replace('$words', words)}"))


def nest(draft: Draft, topic: Topic, text: str) -> Draft:
    """One tag with all ids around all others."""
    del text
    inner = "".join(one.tagged() for one in draft.said)
    return draft._replace(text=f"<answer><snippet id={','.join(topic.states)}>{inner}</snippet></answer>")


def unclosed(draft: Draft, topic: Topic, text: str) -> Draft:
    """Tags that never end, with false claims behind the true ones."""
    del text
    made = says(draft, [*draft.said, *topic.lies])
    return made._replace(text=made.text.replace("</snippet>", ""))


def overlap(draft: Draft, topic: Topic, text: str) -> Draft:
    """Each tag closed behind the next one has begun."""
    del topic, text
    return draft._replace(text=re.sub(r"</snippet> (<snippet[^>]*>)", r"\1</snippet> ", draft.text))


def copy_all(draft: Draft, topic: Topic, text: str) -> Draft:
    """Every snippet word for word."""
    del text
    return says(draft, [Said(one.text, (one.id,), topic.states[one.id]) for one in topic.snippets])


def copy_changed(draft: Draft, topic: Topic, text: str) -> Draft:
    """Every snippet word for word, with other numbers."""
    return change_numbers(copy_all(draft, topic, text), topic, text)


def paraphrase(draft: Draft, topic: Topic, text: str) -> Draft:
    """Each claim three times more, in words that say no more than it does."""
    del topic
    again = [
        one._replace(text=f"{opening} {one.text[:1].lower()}{one.text[1:]}")
        for one in draft.said
        for opening in text.split("/")
    ]
    return says(draft, [*draft.said, *again])


def soften(draft: Draft, topic: Topic, text: str) -> Draft:
    """False claims left open: a judge may then be unable to tell whether the fault is there."""
    return says(
        draft,
        [
            one if _is_true(one, topic) else one._replace(text=text.replace("$this", one.text.rstrip(".")), open=True)
            for one in draft.said
        ],
    )


def _is_true(one: Said, topic: Topic) -> bool:
    return one.facts <= frozenset[str]().union(*topic.states.values())


OPERATIONS: Final[dict[str, Operation]] = {
    operation.__name__: operation
    for operation in (
        cite_everything, cite_nothing, one_source, add_source, split, merge_tags, merge_sentences, repeat, repeat_ids,
        disguise, swap_letters, one_claim, change_numbers, negate, invent_ids, add_invented, hidden_ids, lies_outside,
        lies_as_headings, empty_claims, empty_said, half, nest, unclosed, overlap, copy_all, copy_changed, paraphrase,
        soften,
    )
}  # fmt: skip
