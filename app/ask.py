"""`citerefine ask`: from a question to a cited answer.

In: a question, corpora, sources, models, limits; or the recording of such a run. Out: the answer in the format wanted,
printed or written to a file. Not here: the steps of the agent (refiner/agent/), interruptions, traces and replays
(long_run.py), rendering (refiner/report/).
"""

import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import typer

from citerefine.app.messages import counted, say
from citerefine.app.outputs import check_output, write_output
from citerefine.app.progress import progress
from citerefine.app.searching import NO_SOURCES, Searched, Sources, open_searched
from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.agent.run import research
from citerefine.refiner.answer import Answer
from citerefine.refiner.errors import InputError
from citerefine.refiner.language.words import content_words
from citerefine.refiner.models import EXTRACTIVE, load_chat_model
from citerefine.refiner.report.terminal_text import sanitise

SUFFIXES: Final = {
    ".txt": "text",
    ".md": "md",
    ".markdown": "md",
    ".json": "json",
    ".html": "html",
    ".htm": "html",
    ".xml": "tags",
}

class Output(NamedTuple):
    """Where an answer goes, and in which form."""

    format: str | None = None
    """None: by the suffix of `out`, else text."""
    out: Path | None = None
    """None prints it."""


def run_ask(
    question: str,
    paths: Sequence[Path],
    context: RefinerContext,
    output: Output,
    *,
    sources: Sources = NO_SOURCES,
    trace: Path | None = None,
    fresh: bool = False,
) -> None:
    """Answers and shows. Exit code 1 if nothing could be searched.

    Args:
        question: what to answer; `-` stands for standard input.
        paths: where to search; none, and no source, stands for the built-in notes.
        context: models, limits and settings.
        output: where the answer goes.
        sources: where else to search.
        trace: where everything that happens is recorded.
        fresh: whether an interrupted run of the same question is thrown away.

    Raises CiterefineError.
    """
    format = _format(output)
    question = read_question(question)
    _check_models(context)
    _check_places([output.out, trace], sources.record, paths)
    with open_searched(paths, sources) as searched:
        answer = asyncio.run(_answered(question, searched, context, trace, fresh))
        _show(answer, format, output.out)
        if searched.failed:
            raise typer.Exit(1)


def _check_places(written: Sequence[Path | None], record: Path | None, paths: Sequence[Path]) -> None:
    """Raises InputError if a file cannot be written, or is to be written twice."""
    named = [path for path in written if path is not None]
    for path in named:
        check_output(path, paths)
    if record is not None:
        check_output(record, paths, may_be_database=True)
        named.append(record)
    if len({path.resolve() for path in named}) < len(named):
        raise InputError("two of --out, --trace and --record name one file; give each its own")


async def _answered(
    question: str, searched: Searched, context: RefinerContext, trace: Path | None, fresh: bool
) -> Answer:
    """The answer, recorded or kept until it is there, where that is worth it."""
    finish = partial(noting, searched=searched.notes, within=searched)
    try:
        if trace is None and context.model == EXTRACTIVE and context.planner is None:
            return finish(await research(question, [searched], context, emit=progress()))
        from citerefine.app.long_run import recorded_answer, resumable_answer

        if trace is not None:
            return await recorded_answer(question, searched, context, searched.notes, trace, finish)
        return finish(await resumable_answer(question, searched, context, searched.state, fresh))
    finally:
        await searched.aclose()


def run_replay(question: str | None, trace: Path, output: Output) -> None:
    """Answers again what a trace recorded, and shows it; nothing is searched or asked. Raises CiterefineError."""
    from citerefine.app.long_run import replayed_answer

    format = _format(output)
    if output.out is not None:
        check_output(output.out, [trace])
    asked = None if question is None else read_question(question)
    _show(asyncio.run(replayed_answer(trace, asked, noting)), format, output.out)


def _check_models(context: RefinerContext) -> None:
    """Raises ModelError for a name that names nothing, before anything is opened or searched."""
    for model in (context.planner, None if context.model == EXTRACTIVE else context.model):
        if isinstance(model, str):
            load_chat_model(model)


def noting(answer: Answer, searched: Sequence[str], within: Searched | None = None) -> Answer:
    """The answer with notes on what was searched before its own, and why there is none behind them.

    `within`: what was searched now; None where the run is replayed.
    """
    notes = [*searched, *answer.notes]
    if within is not None and within.was_kept:
        notes.append(_KEPT)
    if not answer.answered:
        notes.append("Nothing could be searched." if within is not None and within.failed else _why_not(answer))
    return answer.model_copy(update={"notes": tuple(notes)})


_KEPT: Final = "What services answered was kept from an earlier run, a day old at most; --no-cache asks them anew."


def _why_not(answer: Answer) -> str:
    snippets = answer.evidence.snippets
    titles = dict.fromkeys(filter(None, (snippet.title or snippet.source or snippet.url for snippet in snippets)))
    if titles:
        return f"Nearest sources: {'; '.join([*titles][:3])}."
    if snippets:
        return f"Read {counted(len(snippets), 'passage')}, and quoted none."
    if content_words(answer.question):
        return "No passage holds any word of the question."
    return "The question holds no word that can be searched for."


def _format(output: Output) -> str:
    if output.format is not None or output.out is None:
        return output.format or "text"
    try:
        return SUFFIXES[output.out.suffix.lower()]
    except KeyError:
        raise InputError(
            f"the suffix of {output.out.name!r} names no format; add --format, or use one of {' '.join(SUFFIXES)}"
        ) from None


def read_question(question: str) -> str:
    """The question, from standard input if it is `-`. Raises InputError if there is none."""
    if question == "-":
        question = sys.stdin.buffer.read().decode("utf-8", "replace")
    if not question.strip():
        raise InputError('the question is empty; ask something, for example: citerefine ask "What is ALCE?"')
    return question.strip()


def render(answer: Answer, format: str) -> str:
    """The answer as text in one of the formats, with a line end."""
    if format == "md":
        return answer.to_markdown()
    if format == "html":
        return answer.to_html()
    if format == "tags":
        return answer.tagged + "\n"
    if format == "json":
        return answer.to_json() + "\n"
    from citerefine.refiner.report.terminal import plain_answer

    return plain_answer(answer)


def _show(answer: Answer, format: str, out: Path | None) -> None:
    if out is None:
        _print(answer, format)
    else:
        write_output(out, render(answer, format))
        say(f"wrote {out}")


def _print(answer: Answer, format: str) -> None:
    if sys.stdout is None:
        raise InputError("standard output is closed; open it, or name a file with --out")
    if format == "text":
        from rich.console import Console

        from citerefine.refiner.report.terminal import print_answer

        console = Console(highlight=False)
        print_answer(answer, console if console.width > 0 else Console(highlight=False, width=80))
    else:
        text = render(answer, format)
        if sys.stdout.isatty():  # what a document holds may move the cursor, or worse
            text = sanitise(text)
        sys.stdout.buffer.write(text.encode("utf-8"))
