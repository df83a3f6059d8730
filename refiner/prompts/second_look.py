"""A model's second look at its own draft: the same messages in training, in evaluation and in use.

In: the messages of the first prompt, the draft as it was written, an instruction. Out: the conversation that asks for
the answer again: the first messages as they were, the draft as the turn that it was, the instruction. What asks for a
better answer says nothing of how good the draft is, unless a critic was asked for just that: a policy that is trained
to improve must not learn to wait for being told. Not here: what is wrong with a draft (feedback.py), asking the model.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from citerefine.refiner.chat.call import Message
from citerefine.refiner.prompts.feedback import own_words
from citerefine.refiner.prompts.templates import fill

CHARS_PER_TOKEN: Final = 8
"""Of a draft this many code points are shown for each token that an answer may have: more than tokens of prose have, so
that only what is no prose is cut."""


def second_look(first: Sequence[Message], draft: str, instruction: str, answer_tokens: int) -> tuple[Message, ...]:
    """The conversation in which a draft is looked at again.

    Args:
        first: the messages that the draft answers.
        draft: what the model wrote, control tokens left out; its thinking is not shown again.
        instruction: what to do with it.
        answer_tokens: most tokens of an answer; beyond what they can hold, a draft is cut.
    """
    own = Message(role="assistant", content=own_words(draft, CHARS_PER_TOKEN * answer_tokens))
    return (*first, own, Message(role="user", content=instruction))


def improve_instruction(names: Iterable[str], remarks: str = "") -> str:
    """What asks for a better answer.

    Args:
        names: of the snippets in the first prompt.
        remarks: what a critic says (`feedback.remarked`); empty where nobody was asked.
    """
    return fill("improve", findings=f"\n{remarks}\n" if remarks else "", ids=", ".join(names) or "none")
