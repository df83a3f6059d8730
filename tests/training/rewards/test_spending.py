"""What a run may spend is one sum: earlier starts are charged, and processes share what is left."""

from contextlib import closing
from pathlib import Path

import pytest

from citerefine.refiner.chat.budget import Amount
from citerefine.refiner.chat.journal_events import Event
from citerefine.refiner.chat.journal_file import JournalFile
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Usage
from citerefine.training.rewards import RewardSettings
from citerefine.training.rewards.spending import budget_left

MOST = Usage(prompt_tokens=1_000_000, completion_tokens=1_000_000)
USED = Usage(prompt_tokens=1_000_000, completion_tokens=0)


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setenv("CITEREFINE_PRICES", "1,2")  # dollars for a million tokens


def journal(folder: Path, *ends: Usage | None, most: Usage = MOST) -> Path:
    """A journal of requests that used this; None: nobody knows."""
    path = folder / "calls.db"
    with closing(JournalFile(path)) as file:
        for n, used in enumerate(ends):
            file.add(Event(key=f"k{n}", attempt=f"a{n}", status="sent", usage=most, time=1.0))
            if used is not None:
                file.add(Event(key=f"k{n}", attempt=f"a{n}", status="failed", usage=used, time=2.0))
    return path


def left(path: Path | None, **bounds: float) -> tuple[float | None, float | None]:
    budget = budget_left(RewardSettings.model_validate(bounds), path)
    assert budget is not None
    assert budget.used == Amount()
    return budget.left("calls"), budget.left("dollars")


def test_without_bounds_there_is_no_budget(tmp_path: Path) -> None:
    assert budget_left(RewardSettings(), tmp_path / "calls.db") is None


def test_a_first_start_has_the_whole_and_makes_no_journal(tmp_path: Path) -> None:
    assert left(tmp_path / "calls.db", max_calls=10, max_dollars=9) == (10, 9)
    assert not [*tmp_path.iterdir()]
    assert left(None, max_calls=10) == (10, None)


def test_what_the_journal_holds_is_charged_and_what_nobody_knows_at_most(tmp_path: Path) -> None:
    path = journal(tmp_path, USED, None, USED.model_copy(update={"cost": 0.5}))
    # two known requests by their tokens, as not both have a price: 1 + 1 dollars; and at most 1 + 2 dollars
    assert left(path, max_calls=10, max_dollars=9) == (7, 4)
    assert left(path, max_calls=2, max_dollars=1) == (0, 0)


def test_processes_share_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert left(journal(tmp_path, USED), max_calls=12, max_dollars=9) == (2, 2)


def test_a_journal_without_prices_cannot_be_charged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = Usage(prompt_tokens=None, completion_tokens=None)
    path = journal(tmp_path, unknown)
    with pytest.raises(InputError, match=r"does not say what its 1 requests cost.*bound max_calls instead"):
        left(path, max_dollars=9)
    assert left(path, max_calls=9) == (8, None)
