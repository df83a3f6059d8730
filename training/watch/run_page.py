"""The page of a run: curves of reward, held-out scores and everything that can go wrong, and samples over time.

In: the folder of a run. Out: `RUN/run.html`, one page that loads nothing and reads without its script; bounded in size
whatever the run's length. Figures, completions and questions are data: they go through the template's escaping, and
nowhere else. The same bytes for the same files. Not here: measuring, alarms' rules.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from citerefine.judges.report.marks import MEANING, Mark
from citerefine.judges.report.template import render_page
from citerefine.training.watch.alarms import Alarm, find_alarms
from citerefine.training.watch.curve import HEIGHT, WIDTH, Drawing, Series, draw
from citerefine.training.watch.run_journal import Phase, StepRow, read_steps
from citerefine.training.watch.sample_view import SampleView, view_sample
from citerefine.training.watch.samples import read_samples
from citerefine.training.watch.settings import WatchSettings
from citerefine.training.watch.stack import stack

SAMPLED_STEPS: Final = 12
"""Steps whose samples are shown, spread over the run."""
PAGE_NAME: Final = "run.html"
METRICS: Final = "metrics.jsonl"
SUPERVISED: Final = "sft"
"""Folder of the steps on given answers, inside that of the run."""
_MARKS: Final = (Mark.SUPPORTED, Mark.PARTLY, Mark.UNSUPPORTED, Mark.UNJUDGED)


class Panel(NamedTuple):
    """Some figures that are drawn together."""

    title: str
    phase: Phase
    names: tuple[tuple[str, str], ...]
    """Name in the journal, and its word in the page."""
    note: str
    beside: str = ""
    """Figure without which the panel is not drawn; empty: none."""
    instead_of: str = ""
    """Figure with which it is not drawn, since another panel shows both."""
    is_stacked: bool = False
    """Whether the figures are shares of one whole, drawn upon each other."""


PANELS: Final = (
    Panel(
        "Held-out citations",
        "heldout",
        (("heldout/f1", "F1"), ("heldout/precision", "precision"), ("heldout/recall", "recall")),
        "Greedy answers to questions that are never trained on, scored as `citerefine score` does.",
    ),
    Panel(
        "Held-out reference answers",
        "heldout",
        (("heldout/accuracy", "right"),),
        "Of greedy answers to questions that are never trained on, the share that agree with the reference answer.",
    ),
    Panel(
        "Reward",
        "train",
        (("reward/total", "total"),),
        "Mean over the sampled answers that have one.",
        instead_of="reward/draft",
    ),
    Panel(
        "Reward of drafts and improvements",
        "train",
        (("reward/draft", "drafts"), ("reward/improved", "improvements")),
        "Mean over the sampled answers that have one. A step of the one is followed by a step of the other.",
    ),
    Panel(
        "What became of answers",
        "train",
        (
            ("transitions/right_right", "right → right"),
            ("transitions/wrong_right", "wrong → right"),
            ("transitions/wrong_wrong", "wrong → wrong"),
            ("transitions/right_wrong", "right → wrong"),
        ),
        "From a draft to its improvements, by the reference answer; shares from the bottom up.",
        is_stacked=True,
    ),
    Panel(
        "What became of claims",
        "train",
        (
            ("transitions/claims_kept", "supported → supported"),
            ("transitions/claims_fixed", "unsupported → supported"),
            ("transitions/claims_unfixed", "unsupported → unsupported"),
            ("transitions/claims_damaged", "supported → unsupported"),
        ),
        "Claims that a draft and its improvement both make; shares from the bottom up.",
        is_stacked=True,
    ),
    Panel(
        "What improvements add and leave out",
        "train",
        (
            ("transitions/claims_added", "claims added"),
            ("transitions/claims_dropped", "claims dropped"),
            ("transitions/citations_gained", "citations gained"),
            ("transitions/citations_lost", "citations lost"),
        ),
        "Mean number an improvement; citations are those of claims that both make.",
    ),
    Panel(
        "Parts of the reward",
        "train",
        (
            ("reward/rubric", "rubric"),
            ("reward/citation", "citation"),
            ("reward/format", "format"),
            ("reward/verification", "verification"),
        ),
        "Before weights.",
    ),
    Panel(
        "Who drives the update",
        "train",
        (
            ("signal/rubric/share", "rubric"),
            ("signal/citation/share", "citation"),
            ("signal/format/share", "format"),
            ("signal/verification/share", "verification"),
        ),
        "Weight × spread within groups, as a share.",
    ),
    Panel(
        "Rewarded judge and audit judge",
        "heldout",
        (("heldout/rubric", "rewarded"), ("heldout/audit", "audit")),
        "Rubric scores of held-out answers. Where the first rises alone, the policy learns the judge.",
        beside="heldout/audit",
    ),
    Panel(
        "Held-out rubric score",
        "heldout",
        (("heldout/rubric", "rewarded judge"),),
        "Greedy answers to questions that are never trained on, by the judge that is rewarded; set watch.audit to see "
        "what another one says.",
        instead_of="heldout/audit",
    ),
    Panel("Divergence", "train", (("kl", "KL"),), "From the first policy, per token."),
    Panel("Entropy", "train", (("entropy", "entropy"),), "Per token; a policy that stops exploring has little."),
    Panel("Length", "train", (("length/mean", "tokens"),), "Mean length of sampled answers."),
    Panel(
        "Left out",
        "train",
        (
            ("truncated_share", "truncated"),
            ("reward/missing_share", "no reward"),
            ("groups/flat_share", "flat groups"),
        ),
        "Shares that had no part in the update.",
    ),
    Panel(
        "Copying and density",
        "train",
        (("copy_share", "copied words"), ("citations/per_claim", "citations per claim")),
        "Words in verbatim runs of 12 or more from the cited snippets.",
    ),
    Panel("Supervised loss", "sft", (("loss", "loss"),), "Of the cold start."),
    Panel(
        "Seconds a step",
        "train",
        (("time/rollout", "rollout"), ("time/reward", "reward"), ("time/update", "update")),
        "Where the time goes.",
    ),
)


class PanelView(NamedTuple):
    """A panel with its drawing."""

    panel: Panel
    drawing: Drawing


class Fact(NamedTuple):
    """A figure of the whole run."""

    word: str
    value: float | None
    change: float | None
    """Since the start; None if that is not known."""


def write_page(run: Path, settings: WatchSettings, title: str = "", of: int | None = None) -> Path:
    """Draws the page of a run's files anew; the page that was there stays until the new one is whole.

    Steps on given answers, which a run has before those on rewards, are read from their own folder.

    Args:
        run: its folder.
        settings: bounds of alarms.
        title: of the page; empty for the folder's name.
        of: steps that the run is to have; None if that is not known.

    Raises:
        OSError: if the page cannot be written.
    """
    steps = read_steps(run / METRICS)
    samples = _samples(run)
    is_marked = any(piece.mark for view in samples for piece in view.pieces)
    html = render_page(
        "run_page",
        package=__package__,
        style="run.css",
        title=title or run.name,
        facts=_facts(steps),
        panels=_panels([*read_steps(run / SUPERVISED / METRICS), *steps]),
        alarms=find_alarms(steps, settings),
        samples=samples,
        marks=_MARKS if is_marked else (),
        is_cited=is_marked or _is_known(steps, "heldout/f1"),
        meanings=MEANING,
        last_step=max((row.step for row in steps), default=0),
        of=of,
        is_imitation=_is_imitation(steps),
        drawing_width=WIDTH,
        drawing_height=HEIGHT,
    )
    target, whole = run / PAGE_NAME, run / f".{PAGE_NAME}.new"
    whole.write_text(html, encoding="utf-8")
    os.replace(whole, target)
    return target


def _panels(steps: Sequence[StepRow]) -> list[PanelView]:
    views = list[PanelView]()
    for panel in PANELS:
        rows = [row for row in steps if row.phase == panel.phase]
        if (panel.beside and not _is_known(rows, panel.beside)) or _is_known(rows, panel.instead_of):
            continue
        series = [Series(word, points(rows, name)) for name, word in panel.names]
        drawing = stack(series) if panel.is_stacked else draw(series)
        if drawing is not None:
            views.append(PanelView(panel, drawing))
    return views


def _is_known(rows: Sequence[StepRow], name: str) -> bool:
    return any(row.values.get(name) is not None for row in rows)


def _is_imitation(steps: Sequence[StepRow]) -> bool:
    """Whether these are the steps on given answers, for which there are no rewards and no samples."""
    return bool(steps) and all(row.phase == "sft" for row in steps)


def points(rows: Sequence[StepRow], name: str) -> list[tuple[int, float | None]]:
    """Step and value of one figure, where it was to be measured; None where it is not known."""
    return [(row.step, row.values[name]) for row in rows if name in row.values]


def _facts(steps: Sequence[StepRow]) -> list[Fact]:
    if _is_imitation(steps):
        return [_fact("Loss on given answers", steps, "loss")]
    heldout = [row for row in steps if row.phase == "heldout"]
    training = [row for row in steps if row.phase == "train"]
    cited = ("Held-out citation F1", heldout, "heldout/f1")
    accuracy = ("Held-out accuracy", heldout, "heldout/accuracy")
    measured = [one for one in (cited, accuracy) if Series(one[0], points(one[1], one[2])).known]
    rewards = [("Reward", training, "reward/total")]
    if _is_known(training, "reward/draft"):  # each second step is of improvements, which are no later answers
        phases = (("Reward of drafts", "reward/draft"), ("Reward of improvements", "reward/improved"))
        rewards = [(word, training, name) for word, name in phases]
    return [_fact(*one) for one in [*(measured or [cited]), *rewards]]


def _fact(word: str, rows: Sequence[StepRow], name: str) -> Fact:
    known = [value for _, value in Series(word, points(rows, name)).known]
    return Fact(word, known[-1] if known else None, known[-1] - known[0] if len(known) > 1 else None)


def _samples(run: Path) -> list[SampleView]:
    return [view_sample(sample) for sample in read_samples(run / "samples.jsonl", SAMPLED_STEPS)]


def describe(alarms: Sequence[Alarm]) -> list[str]:
    """The alarms as lines for a terminal."""
    return [f"alarm at step {alarm.step}: {alarm.message}" for alarm in alarms]
