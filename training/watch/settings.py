"""What is watched of a run, and how often.

In: values of a recipe. Out: `WatchSettings`, checked. Not here: the watching.
"""

from typing import Literal

from pydantic import Field

from citerefine.refiner.records import Record

Backend = Literal["tensorboard", "wandb", "trackio"]


class WatchSettings(Record):
    """How a run is watched."""

    report_to: tuple[Backend, ...] = ("tensorboard",)
    """Where figures go besides the run's own files; wandb and trackio must be installed."""
    heldout_every: int = Field(default=10, ge=0)
    """Steps between scores of the held-out rows; 0: only before the first and after the last step."""
    heldout_rows: int = Field(default=64, ge=0)
    """Most held-out rows that are answered each time; 0: none."""
    samples_per_step: int = Field(default=4, ge=0)
    """Completions of each step that are kept for the page: the best, the worst, and some between."""
    audit: str = ""
    """Rubric judge of another family that grades the held-out answers too; it is never rewarded. Empty: none."""
    gap_alarm: float = Field(default=0.1, gt=0)
    """So far may the rewarded judge's gain on held-out rows run ahead of the audit judge's."""
    copy_alarm: float = Field(default=0.5, gt=0, le=1)
    """Share of words copied from snippets above which an alarm is raised."""
    missing_alarm: float = Field(default=0.1, gt=0, le=1)
    """Share of answers without a reward above which an alarm is raised."""
    page_every: int = Field(default=10, ge=1)
    """Steps between two writings of the run's page."""
