"""`citerefine doctor`: what is installed, what works, what is missing.

In: a model string, or none; sources to try. Out: one line a finding on standard output, or JSON: [{"name", "ok",
"needed", "detail"}]. Each finding is tried, not assumed; of extras, whether they are installed; of sources that are not
named, whether what they need is there: nobody is asked. Exit code 1 if something needed is missing, or the model or a
named source cannot be reached. Not here: repairing anything, trying models (refiner/chat/probe.py).
"""

import asyncio
import json
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final, NamedTuple

import typer

from citerefine.app.corpora import cache_folder
from citerefine.app.messages import counted
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.errors import InputError
from citerefine.refiner.models import EXTRACTIVE, load_chat_model
from citerefine.refiner.protocols import ChatModel, Outcome
from citerefine.refiner.refiner import Refiner
from citerefine.tools.closing import close_all
from citerefine.tools.corpus import Corpus
from citerefine.tools.notes import NAME, open_notes


class Finding(NamedTuple):
    """One thing that was looked at."""

    name: str
    ok: bool
    needed: bool
    """Whether nothing works without it."""
    detail: str


EXTRAS: Final = {
    "pdf": (("pypdf",), "reads PDF files"),
    "fetch": (("trafilatura", "protego", "pypdf"), "reads web pages behind hits: --read-pages"),
    "mcp": (("mcp",), "searches servers of the Model Context Protocol: --source mcp:URL"),
    "langchain": (("langchain",), "middleware and tools for agents of LangChain"),
    "ray": (("ray",), "scores on the machines of a cluster"),
    "train": (("torch", "transformers", "llguidance"), "runs models in this process: hf:PATH_OR_NAME"),
    "vllm": (("vllm",), "runs batches in this process: vllm:PATH_OR_NAME"),
}
"""Extra → its packages, and what it is good for."""
_PROBE: Final = "water"
"""What a source that is tried is searched for: any of them knows it."""
_LIMITS: Final = ClientLimits(deadline=60, attempts=2)
"""Somebody waits in front of the screen, and wants to know that a server is down rather than that it came back."""


def run_doctor(as_json: bool, model: str | None = None, sources: Sequence[str] = ()) -> None:
    """Prints all findings; exits with 1 if something needed is missing.

    Raises ModelError for no model string.
    """
    chat_model = None if model in (None, EXTRACTIVE) else load_chat_model(model, _LIMITS)
    findings = [*_findings(), *(asyncio.run(_model_findings(chat_model)) if chat_model else ())]
    if sources:
        findings += asyncio.run(_tried_sources(sources))
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = "ok     " if finding.ok else "MISSING" if finding.needed else "absent "
            print(f"{mark}  {finding.name}: {finding.detail}")
    if not all(finding.ok for finding in findings if finding.needed):
        raise typer.Exit(1)


def _findings() -> Iterator[Finding]:
    yield Finding("citerefine", True, True, version("citerefine"))
    yield Finding("Python", sys.version_info >= (3, 11), True, platform.python_version())
    yield _try("full-text search", True, _full_text_search)
    yield _try(NAME, True, _notes)
    yield _try(f"model {EXTRACTIVE}", True, _extractive)
    for extra, (packages, use) in EXTRAS.items():
        yield _extra(extra, packages, use)
    yield _try("cache", False, _cache)
    yield from _source_findings()


def _source_findings() -> Iterator[Finding]:
    from citerefine.tools.sources.registry import known_sources

    for source in known_sources():
        usable = f"{source.title} can be asked{_key_note(source.key_variable)}"
        yield Finding(f"source {source.name}", source.disabled is None, False, source.disabled or usable)


def _key_note(variable: str | None) -> str:
    if variable is None:
        return ""
    return f", with the key of {variable}" if os.environ.get(variable) else f"; without a key ({variable} is not set)"


async def _tried_sources(specs: Sequence[str]) -> list[Finding]:
    """What each source gives to a search for one hit."""
    from citerefine.tools.opening import open_search
    from citerefine.tools.web.client import WebClient

    findings = []
    async with WebClient() as web:
        for spec in specs:
            try:
                search = open_search([spec], web)
            except InputError as error:
                findings.append(Finding(f"source {spec} tried", False, True, str(error)))
                continue
            page = await search.search(_PROBE, 1)
            works = page.outcome in (Outcome.OK, Outcome.EMPTY)
            detail = "; ".join([f"{page.outcome.value}: {counted(len(page.snippets), 'passage')}", *page.warnings])
            findings.append(Finding(f"source {spec} tried", works, True, detail))
            await close_all((search,))
    return findings


async def _model_findings(model: ChatModel) -> list[Finding]:
    from citerefine.refiner.chat.probe import REACHABLE, probe

    try:
        return [
            Finding(f"model {model.name}", trait.ok, True, trait.detail)
            if trait.name == REACHABLE
            else Finding(trait.name, trait.ok, False, trait.detail)
            async for trait in probe(model)
        ]
    finally:
        await model.aclose()


def _try(name: str, needed: bool, check: Callable[[], str]) -> Finding:
    """Whatever goes wrong in a check is its finding."""
    try:
        return Finding(name, True, needed, check())
    except Exception as error:
        return Finding(name, False, needed, f"{type(error).__name__}: {error}")


def _full_text_search() -> str:
    with Corpus.in_memory() as corpus:
        corpus.search("probe")
    return f"SQLite {sqlite3.sqlite_version} with FTS5"


def _notes() -> str:
    with open_notes() as corpus:
        return f"{corpus.count_documents()} works, {len(corpus)} passages"


def _cache() -> str:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryFile(dir=folder):
        return str(folder)


def _extractive() -> str:
    answer = Refiner(EXTRACTIVE).refine("Did perch double?", [{"text": "By 2010 perch had doubled in number."}])
    return f"answers with {len(answer.claims)} cited claim, in sentences of the evidence; needs no server"


def _extra(extra: str, packages: tuple[str, ...], use: str) -> Finding:
    """Looks the packages up without loading them, which takes seconds."""
    try:
        found = ", ".join(f"{package} {version(package)}" for package in packages)
    except PackageNotFoundError as error:
        lacks = f" (lacks {error.name})" if len(packages) > 1 else ""
        return Finding(f"extra {extra}", False, False, f"{use}; pip install 'citerefine[{extra}]'{lacks}")
    return Finding(f"extra {extra}", True, False, f"{found}: {use}")
