"""What a model is told of its own draft.

In: a `Draft`. Out: its findings in words, each with the stretch of text that it is about, and the draft as the turn of
the conversation that it was. What is quoted is escaped: it is the model's own text, and may hold anything. Not here:
what is wrong with a draft (validation.py), the instruction around it (repair.md, improve.md).
"""

from typing import Final

from citerefine.refiner.choice import Draft
from citerefine.refiner.tags.markup import escape_for_prompt, mask_turns
from citerefine.refiner.validation import Finding

MAX_FINDINGS: Final = 12
"""Most findings that are quoted to the model."""
MAX_QUOTE: Final = 160
"""Longest quotation of what was wrong, in code points."""


def told(draft: Draft) -> str:
    """The findings as the model is told them: what, and where in its text."""
    lines = [_line(finding, draft.answer.raw) for finding in draft.findings[:MAX_FINDINGS]]
    lines += _remarks(draft)
    if len(draft.findings) > MAX_FINDINGS:
        lines.append(f"- and {len(draft.findings) - MAX_FINDINGS} more")
    return "\n".join(lines)


def remarked(draft: Draft) -> str:
    """What a critic said of the draft, and nothing else; empty where there was none."""
    return "\n".join(_remarks(draft))


def _remarks(draft: Draft) -> list[str]:
    return [f"- {escape_for_prompt(' '.join(remark.split()))}" for remark in draft.remarks[:MAX_FINDINGS]]


def _line(finding: Finding, raw: str) -> str:
    quoted = " ".join(raw[finding.start : finding.end].split()) if finding.start is not None else ""
    where = f" — here: {escape_for_prompt(quoted[:MAX_QUOTE])}" if quoted else ""
    return f"- {escape_for_prompt(finding.message)}{where}"


def own_words(raw: str, max_chars: int) -> str:
    """What the model wrote, without its thinking, and no more than an answer may be long."""
    behind = raw.rpartition("</think>")[2].strip()
    return mask_turns(behind[:max_chars]) or "…"
