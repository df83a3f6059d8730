"""`citerefine walk`: one question's way through the toolkit, each record printed in turn.

In: what `ask` takes. Out: a straight-line version of the whole on standard output: question, queries, snippets,
evidence as a model sees it, the draft, what the parser reads, the answer. Not here: anything that `ask` does not do.
"""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from citerefine.app.ask import read_question
from citerefine.app.corpora import open_corpora
from citerefine.app.searching import CORPUS
from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.agent.events import Event
from citerefine.refiner.agent.run import research
from citerefine.refiner.answer import Answer
from citerefine.refiner.language.words import content_words
from citerefine.refiner.refiner import Refiner
from citerefine.refiner.report.terminal_text import sanitise
from citerefine.tools.local import LocalSearch

_SHOWN = 220
"""Longest text that is shown of a passage."""


def run_walk(question: str, paths: Sequence[Path], model: str, limit: int) -> None:
    """Walks and prints. Raises CiterefineError."""
    question = read_question(question)
    Refiner(model)  # complains of an unknown model before anything is opened
    context = RefinerContext(model=model, snippets_per_search=limit)
    with open_corpora(paths) as opened, LocalSearch(opened.corpora, name=CORPUS) as search:
        _show("question", question)
        _show_answer(asyncio.run(research(question, [search], context, emit=_show_event)), model)


def _show_event(event: Event) -> None:
    if event["type"] == "search" and event["outcome"] is None:
        _show("search for", " ".join(content_words(event["query"])))
    elif event["type"] == "snippet":
        _show(f"snippet {event['id']}", _shortened(event["snippet"]))


def _show_answer(answer: Answer, model: str) -> None:
    _show("evidence: names that a model may cite", {name: id for id, name in answer.evidence.names().items()})
    _show(f"draft of {model}", answer.raw)
    for number, claim in enumerate(answer.claims, 1):
        _show(f"claim {number}", claim.model_dump(mode="json"))
    _show("issues", [issue.code for issue in answer.issues])
    _show("answer", answer.text)


def _show(name: str, value: object) -> None:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    lines = (sanitise(line) for line in text.splitlines() or [""])
    print(f"── {sanitise(name)}", *lines, sep="\n")


def _shortened(fields: dict[str, object]) -> dict[str, object]:
    text = str(fields["text"])
    return {**fields, "text": text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"}
