"""Edits that mean the same: what must not move a score.

In: a draft. Out: another draft, with the same sentences. Not here: attacks.
"""

import re
from collections.abc import Callable
from typing import Final

from citerefine.judges.adversary.drafts import Draft, Topic, written
from citerefine.judges.adversary.operations.operation import Operation, filled, inside


def _on_text(edit: Callable[[str], str]) -> Operation:
    def operation(draft: Draft, topic: Topic, text: str) -> Draft:
        del topic, text
        return draft._replace(text=edit(draft.text))

    return operation


def lead_in(draft: Draft, topic: Topic, text: str) -> Draft:
    """Words before the answer that say nothing."""
    return draft._replace(text=inside(draft, f"{filled(text, topic)}\n\n", ""))


def closing(draft: Draft, topic: Topic, text: str) -> Draft:
    """A sentence behind the answer that says what the sources do not tell."""
    return draft._replace(text=inside(draft, "", f" {filled(text, topic)}"))


def reorder(draft: Draft, topic: Topic, text: str) -> Draft:
    """The same sentences from the last to the first."""
    del topic, text
    return draft._replace(text=written(tuple(reversed(draft.said))))


OPERATIONS: Final[dict[str, Operation]] = {
    "lead_in": lead_in,
    "closing": closing,
    "reorder": reorder,
    "wrap": _on_text(lambda text: re.sub(r"(?<=\w) (?=\w)", "\n", text, count=9)),
    "windows_lines": _on_text(lambda text: text.replace("</snippet> ", "</snippet>\r\n")),
    "bullets": _on_text(lambda text: re.sub(r"(?:<answer>| )(?=<snippet)", lambda m: f"{m[0].strip()}\n- ", text)),
    "numbered": _on_text(lambda text: re.sub(r"(?:<answer>| )(?=<snippet)", lambda m: f"{m[0].strip()}\n1. ", text)),
    "stops_behind": _on_text(lambda text: text.replace(".</snippet>", "</snippet>.")),
    "quoted_ids": _on_text(lambda text: re.sub(r"id=([\w,]+)", r'id="\1"', text)),
    "spaced_ids": _on_text(lambda text: re.sub(r"id=([\w,]+)", r"id = \1 ", text)),
    "cite_tags": _on_text(lambda text: text.replace("<snippet", "<cite").replace("</snippet", "</cite")),
    "upper_tags": _on_text(lambda text: text.replace("<snippet id", "<SNIPPET ID").replace("</snippet", "</SNIPPET")),
    "bold": _on_text(lambda text: re.sub(r"(<snippet[^>]*>)(.*?)(</snippet>)", r"\1**\2**\3", text)),
    "bold_tags": _on_text(lambda text: re.sub(r"(<snippet.*?</snippet>)", r"**\1**", text)),
    "no_blanks": _on_text(lambda text: text.replace("</snippet> ", "</snippet>")),
    "html_breaks": _on_text(lambda text: text.replace("</snippet> ", "</snippet><br>")),
    "paragraphs": _on_text(lambda text: text.replace("</snippet> ", "</snippet>\n\n")),
    "hard_spaces": _on_text(lambda text: re.sub(r"(?<=\d) (?=[a-z])", "\u00a0", text)),
    "soft_hyphens": _on_text(lambda text: re.sub(r"\b([a-z]{4})([a-z]{4,})\b(?![^<]*>)", "\\1\u00ad\\2", text)),
    "thinking": _on_text(lambda text: f"<think>Let me see what the sources say.</think>{text}"),
}
