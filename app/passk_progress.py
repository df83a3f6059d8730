"""What `citerefine passk` says on standard error: how far it is, what was done, what could not be asked.

In: reports of the run, refused rows. Out: lines. Not here: the table of figures (passk_text.py).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from citerefine.app.data_parts import WorkProgress
from citerefine.app.messages import counted, say
from citerefine.training.data.building.stages import WorkReport
from citerefine.training.data.row_reading import RefusedRow
from citerefine.training.passk.kept import is_kept
from citerefine.training.passk.results import RESULT

_TOLD: Final = 3
"""So many refused rows are told one by one."""


class PasskProgress(WorkProgress):
    """Says how far drafts and refinements are; a context manager."""

    def told(self, part: str, report: WorkReport) -> None:
        """Shows the report when it is time."""
        self.report = report
        failed = sum(report.failed.values())
        self.show(
            lambda: f"{part}: {report.rows} of {report.total} answers" + (f", {failed} failed" if failed else ""),
            report.rows,
            report.total,
        )

    def stopped(self, out: Path) -> None:
        """Says what an interrupted run leaves."""
        if is_kept(out):
            self.say(f"stopped: {out} holds what is done; the same command goes on from there")
        else:
            self.say(f"stopped: no answer was drawn, and nothing is kept in {out}")


def say_answers(report: WorkReport, problems: int) -> None:
    """Says what became of the drafts, or of the refinements, and what they used."""
    before = f", {report.done_before} done before" if report.done_before else ""
    made = ", ".join(f"{n} {stage}" for stage, n in report.made.items()) or "nothing new"
    of = f"{counted(report.rows, 'answer')} to {counted(problems, 'problem')}"
    say(f"{of}{before}: {made} ({report.seconds:.1f} s)")
    if report.failed:
        say(f"failed: {', '.join(f'{n} {why}' for why, n in report.failed.items())}")
        say("--retry-failed asks for these answers again")
    used = report.usage
    if used is not None and None not in (used.prompt_tokens, used.completion_tokens):
        say(f"models read {used.prompt_tokens:,} tokens and wrote {used.completion_tokens:,}")


def say_refused(refused: Sequence[RefusedRow]) -> None:
    """Says which rows could not be asked, of the first few; `line-2` is the id of a row in line 2 without one."""
    for row in refused[:_TOLD]:
        say(f"{f'line-{row.line}' if row.line else row.id}: {row.reason}")
    if len(refused) > _TOLD:
        say(f"… and {len(refused) - _TOLD} more rows that cannot be asked; {RESULT} lists them")
