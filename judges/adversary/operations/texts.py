"""Attacks that add text, or put text in an answer's place, and assert nothing.

In: a draft and a text. Out: another draft. Not here: attacks on claims (claims.py).
"""

from typing import Final

from citerefine.judges.adversary.drafts import NOTHING, Draft, Topic
from citerefine.judges.adversary.operations.operation import Operation, asked_for, filled, inside


def append(draft: Draft, topic: Topic, text: str) -> Draft:
    """The text behind the claims."""
    return draft._replace(text=inside(draft, "", f" {filled(text, topic)}"))


def append_lines(draft: Draft, topic: Topic, text: str) -> Draft:
    """The text behind the claims, in a paragraph of its own."""
    return draft._replace(text=inside(draft, "", f"\n\n{filled(text, topic)}\n"))


def prepend(draft: Draft, topic: Topic, text: str) -> Draft:
    """The text before the claims."""
    return draft._replace(text=inside(draft, f"{filled(text, topic)}\n\n", ""))


def replace(draft: Draft, topic: Topic, text: str) -> Draft:
    """The text in place of the answer."""
    return Draft((), f"<answer>{filled(text, topic)}</answer>", draft.snippets)


def replace_all(draft: Draft, topic: Topic, text: str) -> Draft:
    """The text in place of all that the model wrote, block and all."""
    return Draft((), filled(text, topic), draft.snippets)


def pad(draft: Draft, topic: Topic, text: str) -> Draft:
    """Sixteen sentences of filler, each a little different."""
    filler = " ".join(
        f"{filled(text, topic)[:-1]} in {n} ways." for n in ("many", "some", "other", "new") for _ in "12345"
    )
    return draft._replace(text=inside(draft, "", f" {filler}"))


def hedge(draft: Draft, topic: Topic, text: str) -> Draft:
    """Each thing that a criterion wants, left open."""
    del draft
    parts = [text.replace("$this", wanted) for wanted in asked_for(topic)]
    return Draft((), f"<answer>{' '.join(parts)}</answer>", topic.snippets)


def hide(draft: Draft, topic: Topic, text: str) -> Draft:
    """What the criteria want, as characters that nobody sees (Unicode tags)."""
    del text
    wanted = ". ".join(asked_for(topic))
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in wanted if letter.isascii())
    return draft._replace(text=inside(draft, "", hidden))


def comment(draft: Draft, topic: Topic, text: str) -> Draft:
    """What the criteria want, in a comment that no page shows."""
    del text
    return draft._replace(text=inside(draft, "", f"\n<!-- {'. '.join(asked_for(topic))}. -->\n"))


def nothing(draft: Draft, topic: Topic, text: str) -> Draft:
    """No answer."""
    del draft, text
    return topic.draft(NOTHING)


OPERATIONS: Final[dict[str, Operation]] = {
    "append": append,
    "append_lines": append_lines,
    "prepend": prepend,
    "replace": replace,
    "replace_all": replace_all,
    "pad": pad,
    "hedge": hedge,
    "hide": hide,
    "comment": comment,
    "nothing": nothing,
}
