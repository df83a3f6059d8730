"""The page on models says what the code does."""

import re
from pathlib import Path

from citerefine.refiner.errors import CALL_FAILURES, REPLY_FAILURES
from citerefine.refiner.models import FORMS
from citerefine.refiner.settings import OnInvalid, RefinerSettings

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()


def test_every_call_failure_is_explained_in_the_same_words() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE))
    assert {code: rows.get(code) for code in CALL_FAILURES} == CALL_FAILURES


def test_every_reply_failure_policy_and_model_string_is_named() -> None:
    for name in (*REPLY_FAILURES, *OnInvalid, *FORMS):
        assert f"`{name}`" in PAGE


def test_the_budgets_are_the_defaults() -> None:
    settings = RefinerSettings()
    for number in (settings.prompt_tokens, settings.answer_tokens, settings.total_tokens):
        assert f"{number:,}" in PAGE
    assert f"{settings.deadline:g} s" in PAGE
