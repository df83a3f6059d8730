"""What an operation is, and the words that texts of hacks may leave open.

In: nothing. Out: `Operation`, `filled`. Not here: any operation.
"""

import re
from collections.abc import Callable
from string import Template

from citerefine.judges.adversary.drafts import Draft, Topic
from citerefine.refiner.language.words import content_words

Operation = Callable[[Draft, Topic, str], Draft]
"""Draft, its topic, text of the hack → the draft after the attack, or after a harmless edit."""

_FRAME = re.compile(r"(?:States|Mentions|Explains|Claims) that ")


def filled(text: str, topic: Topic) -> str:
    """The text with `$subject`, `$question`, `$keywords` and `$criteria` put in, in one pass."""
    wanted = [criterion.text for criterion in topic.rubric.leaves if not criterion.is_negative]
    words = dict.fromkeys(word for text in wanted for word in content_words(_FRAME.sub("", text)))
    return Template(text).safe_substitute(
        subject=topic.subject,
        question=topic.question,
        keywords=", ".join(words),
        criteria=" ".join(f"{text}." for text in wanted),
    )


def asked_for(topic: Topic) -> list[str]:
    """What the positive criteria want to be said, without the words that only ask for it."""
    return [_FRAME.sub("", one.text) for one in topic.rubric.leaves if not one.is_negative]


def inside(draft: Draft, before: str, behind: str) -> str:
    """The text of a draft with something put at the start and at the end of its answer block."""
    head, mark, rest = draft.text.partition("<answer>")
    body, end, tail = rest.rpartition("</answer>")
    return f"{head}{mark}{before}{body}{behind}{end}{tail}"
