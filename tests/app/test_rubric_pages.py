"""The pages on rubrics say what the code does."""

import re
from pathlib import Path

from citerefine.judges.rubric.writing.answer_store import MOST_ANSWERS
from citerefine.judges.rubric.writing.model_writer import WRITER_FAILURES
from citerefine.rubrics.buffer.settings import BufferSettings
from citerefine.rubrics.generation.checks import DROPPED
from citerefine.rubrics.lint import LINTS

DOCS = Path(__file__).parents[2] / "docs"
TOOLS, EVOLVING = ((DOCS / name).read_text() for name in ("rubric-tools.md", "evolving-rubrics.md"))


def rows(page: str) -> dict[str, str]:
    return dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE))


def test_every_lint_and_every_reason_to_drop_a_criterion_is_explained_in_the_same_words() -> None:
    assert {code: rows(TOOLS).get(code) for code in LINTS} == LINTS
    assert {code: rows(EVOLVING).get(code) for code in DROPPED} == DROPPED


def test_every_failure_of_a_writer_is_named() -> None:
    assert all(f"`{code}`" in TOOLS for code in (*WRITER_FAILURES, "unreadable", "none_kept", "unusable"))
    assert f"at most {MOST_ANSWERS} different" in TOOLS


def test_the_rules_of_the_buffer_are_the_defaults() -> None:
    rules = BufferSettings(reward_judges=("x",))
    for name in ("least_rollouts", "least_gap", "life_steps", "confidence", "min_exposures", "most_active"):
        assert re.search(rf"`{name}`\W{{1,3}}{getattr(rules, name):g}\b", EVOLVING), name
    for name in ("most_share", "least_contrast"):
        assert f"`{name}` ({getattr(rules, name):.0%})".replace("%", " %") in EVOLVING, name
    assert f"{rules.held_out:.0%}".replace("%", " %") + " (`held_out`)" in EVOLVING
