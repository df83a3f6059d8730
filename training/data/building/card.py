"""The card of a data set: what is in it, what was left out and why, as Markdown.

In: `CardFacts`, counted while the set was made. Out: text, generated from the counts alone; what comes from files is
escaped. Not here: counting (build.py).
"""

import html
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from citerefine.training.data.splitting import Overlap

BUCKETS: Final = (512, 1024, 2048, 4096, 6144, 8192)
"""Upper ends of the histogram of prompt lengths, in tokens."""
MOST_LICENCES: Final = 20
MOST_EXAMPLES: Final = 3
"""So many rows that were left out are named for each reason."""


@dataclass(slots=True)
class CardFacts:
    """What is told of a set; grows while it is made."""

    source: str = ""
    """Name of the file of questions."""
    made_with: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Stage → settings."""
    questions: int = 0
    """That could be read and are not nearly the same as another."""
    train: int = 0
    eval: int = 0
    split_seed: int = 0
    eval_share: float = 0.0
    dropped: dict[str, list[str]] = field(default_factory=dict)
    """Reason → `id: what happened`, one a row."""
    with_rubric: int = 0
    criteria: int = 0
    with_gold: int = 0
    snippets: int = 0
    """In rows that were kept, each as often as it stands in one."""
    trimmed: int = 0
    """Rows that were kept whose evidence the sampled model could not be shown whole."""
    tokens: Counter[int] = field(default_factory=Counter)
    """Place in `BUCKETS` (behind its last: one more) → prompts of that length, by an estimate that is not below."""
    licences: Counter[str] = field(default_factory=Counter)
    """Licence → snippets; empty string for those that name none."""
    means: list[float] = field(default_factory=list)
    """Mean reward of each row that was kept."""
    spreads: list[float] = field(default_factory=list)
    overlap: Overlap | None = None

    def drop(self, code: str, id: str, reason: str) -> None:
        """Counts a row that is left out."""
        self.dropped.setdefault(code, []).append(f"{id}: {reason}" if id else reason)


def bucket(tokens: int) -> int:
    """The place of a length in the histogram."""
    return next((place for place, end in enumerate(BUCKETS) if tokens <= end), len(BUCKETS))


def render_card(facts: CardFacts) -> str:
    """The card."""
    parts = (_head, _rows, _lengths, _left_out, _split, _licences, _how)
    return "\n\n".join(part(facts) for part in parts) + "\n"


def _head(facts: CardFacts) -> str:
    made = f"Training rows for a refiner, made by `citerefine data build` of {_code(facts.source)}."
    form = "One JSON object a line: question, snippets, and what answers are judged by."
    return f"# {_text(facts.source)}\n\n{made} {form}"


def _rows(facts: CardFacts) -> str:
    kept = facts.train + facts.eval
    table = {
        "questions": facts.questions,
        "rows to train on": facts.train,
        "rows held out": facts.eval,
        "rows with criteria of their own": facts.with_rubric,
        "criteria a row, on average": f"{facts.criteria / kept:.1f}" if kept else "–",
        "rows with a reference answer": facts.with_gold,
        "snippets a row, on average": f"{facts.snippets / kept:.1f}" if kept else "–",
    }
    if facts.means:
        table["mean reward of sampled answers, over rows"] = f"{sum(facts.means) / len(facts.means):.3f}"
        table["spread of rewards within a row, over rows"] = f"{sum(facts.spreads) / len(facts.spreads):.3f}"
    return _table("## Rows", ("", "n"), table.items())


def _lengths(facts: CardFacts) -> str:
    starts = (0, *BUCKETS)
    names = [f"{start + 1:,} to {end:,}" for start, end in zip(starts, BUCKETS, strict=False)]
    names.append(f"over {BUCKETS[-1]:,}")
    lines = [(names[place], facts.tokens[place]) for place in range(len(names)) if facts.tokens[place]]
    note = "Prompts with all evidence, by an estimate that for English is about 1.7 times what a tokenizer counts."
    if facts.trimmed:
        note += f" Of {facts.trimmed} of these rows the sampled model was shown only a part of the evidence."
    return f"{_table('## Prompts', ('tokens', 'rows'), lines)}\n\n{note}"


def _left_out(facts: CardFacts) -> str:
    if not facts.dropped:
        return "## Left out\n\nNothing."
    lines = [
        (code, len(rows), "; ".join(rows[:MOST_EXAMPLES]) + ("; …" if len(rows) > MOST_EXAMPLES else ""))
        for code, rows in sorted(facts.dropped.items(), key=lambda item: -len(item[1]))
    ]
    return f"{_table('## Left out', ('why', 'n', 'such as'), lines)}\n\nAll of them, with reasons: `dropped.jsonl`."


def _split(facts: CardFacts) -> str:
    said = (
        f"By question, seed {facts.split_seed}, share held out {facts.eval_share:g}: questions that are the same or "
        "nearly the same are on one side. Paraphrases in other words are not recognised. Rows of both sides went "
        "through the same choice."
    )
    found = facts.overlap
    if found is None or not found.n_rows:
        return f"## Split\n\n{said}"
    lines = [
        ("snippets of held-out rows", found.n_snippets),
        ("of these, in rows to train on too", found.n_shared_snippets),
        ("held-out rows all of whose snippets are in rows to train on", found.n_rows_all_shared),
        ("held-out rows whose reference answer a row to train on has", found.n_shared_golds),
    ]
    return f"{_table('## Split', ('', 'n'), lines)}\n\n{said}"


def _licences(facts: CardFacts) -> str:
    lines = [(name or "not given", n) for name, n in facts.licences.most_common(MOST_LICENCES)]
    more = len(facts.licences) - len(lines)
    note = f"\n\nAnd {more} more." if more > 0 else ""
    return f"{_table('## Licences of the snippets', ('licence', 'snippets'), lines)}{note}"


def _how(facts: CardFacts) -> str:
    lines = [(stage, _said(settings)) for stage, settings in facts.made_with.items()]
    return _table("## How it was made", ("stage", "settings"), lines)


def _said(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in settings.items() if value not in (None, "", [], {}))


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return f"({_said(value)})"
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _table(title: str, head: Iterable[str], lines: Iterable[Iterable[object]]) -> str:
    rows = [f"| {' | '.join(_text(str(cell)) for cell in line)} |" for line in lines]
    names = [*head]
    return "\n".join([title, "", f"| {' | '.join(names)} |", f"|{'---|' * len(names)}", *rows])


def _text(value: str) -> str:
    """Text from outside as one line of Markdown in which nothing is markup."""
    line = html.escape(" ".join(value.split()), quote=False)
    return "".join(f"\\{sign}" if sign in "\\`*_[]|#!" else sign for sign in line)


def _code(value: str) -> str:
    return f"`{' '.join(value.replace('`', ' ').split())}`"
