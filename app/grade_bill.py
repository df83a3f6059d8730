"""What the calls of a model came to, for people who compare it with a server's bill, and the file that says so.

In: options of `grade`, the journal of calls. Out: where the journal is, one line on what it holds. Requests whose use
nobody knows (a broken connection, a reply that could not be read, a process that was killed) are counted from nothing
to the most that they may have used. Not here: the journal (refiner/chat/journal_file.py), budgets (grade_judge.py).
"""

from contextlib import closing
from pathlib import Path

from citerefine.app.corpora import cache_folder
from citerefine.app.messages import counted
from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.chat.journal_events import Totals
from citerefine.refiner.chat.journal_file import JournalFile
from citerefine.refiner.errors import InputError

_OTHERS = 0o077
"""What of a file's mode lets others at it."""


def place_calls(cache: Path | None, out: Path | None) -> Path:
    """Where calls are kept: the same place for the same command. Raises InputError if that is no file."""
    if cache is not None:
        if str(cache) == "-":
            raise InputError("--cache is '-', and must be a file: calls are looked up in it; name one, or leave it out")
        return cache
    return cache_folder() / "calls.db" if out is None else out.with_name(f"{out.name}.calls.db")


def shared_with(calls: Path) -> str:
    """A word on a file that was there before and that others can open; empty for all others, which are made private."""
    try:
        mode = calls.stat().st_mode & 0o777
    except OSError:
        return ""
    if not mode & _OTHERS:
        return ""
    return f"{calls} was made for others too (mode {mode:03o}), and holds replies; chmod 600 makes it yours alone"


def bill(calls: Path) -> str:
    """What all requests in a file came to, of this run and those before it, in one line. Raises InputError."""
    with closing(JournalFile(calls)) as file:
        totals = file.totals()
    return f"{calls}: {', '.join(bill_parts(totals, Prices.read()))}"


def bill_parts(totals: Totals, prices: Prices | None) -> list[str]:
    """The same from totals; `prices` are what unknown use is priced at, and what no server put a price on."""
    known, most = totals.known, totals.most
    parts = [f"{counted(totals.requests, 'request')} so far"]
    if known.prompt_tokens is not None and known.completion_tokens is not None:
        replies = _span(known.completion_tokens, most.completion_tokens or 0)
        parts.append(f"{_span(known.prompt_tokens, most.prompt_tokens or 0)} tokens of prompts, {replies} of replies")
    if dollars := _dollars(totals, prices):
        parts.append(dollars)
    if ended := totals.unknown - totals.under_way:
        parts.append(f"{counted(ended, 'request')} ended without saying what they used (0 to their most)")
    if totals.under_way:
        parts.append(f"{counted(totals.under_way, 'request')} under way in other processes")
    if totals.damaged:
        parts.append(f"{counted(totals.damaged, 'row')} damaged and not counted")
    return parts


def _dollars(totals: Totals, prices: Prices | None) -> str:
    known = totals.known.cost
    if known is None and prices is not None:
        known = prices.cost(totals.known)
    if known is None or (prices is None and not totals.known.calls):
        return ""
    if not totals.unknown:
        return f"{known:.4f} dollars"
    more = None if prices is None else prices.cost(totals.most)
    return f"at least {known:.4f} dollars" if more is None else f"{known:.4f} to {known + more:.4f} dollars"


def _span(known: int, more: int) -> str:
    return f"{known:,} to {known + more:,}" if more else f"{known:,}"
