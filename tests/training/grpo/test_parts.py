"""State beside the weights is saved with them, as it is or as it was before a rollout."""

from pathlib import Path

import pytest

from citerefine.training.errors import StateError
from citerefine.training.grpo.parts import PartsKeeper


class Counter:
    """A part that counts."""

    def __init__(self, name: str = "counter") -> None:
        self.name, self.count = name, 0

    def save(self, folder: Path) -> None:
        (folder / "count.json").write_text(str(self.count))

    def load(self, folder: Path) -> None:
        self.count = int((folder / "count.json").read_text())


def test_parts_come_back_as_they_were(tmp_path: Path) -> None:
    one, other = Counter("one"), Counter("other")
    one.count, other.count = 3, 4
    PartsKeeper([one, other], tmp_path).save(tmp_path / "c")
    fresh = Counter("one"), Counter("other")
    PartsKeeper(fresh, tmp_path).load(tmp_path / "c")
    assert [part.count for part in fresh] == [3, 4]


def test_what_was_before_a_rollout_can_be_saved_after_it(tmp_path: Path) -> None:
    part = Counter()
    keeper = PartsKeeper([part], tmp_path)
    for count in (1, 2):
        part.count = count
        keeper.keep()
    part.count = 99
    keeper.save(tmp_path / "c", kept=True)
    keeper.load(tmp_path / "c")
    assert part.count == 2


def test_without_parts_nothing_is_written(tmp_path: Path) -> None:
    keeper = PartsKeeper([], tmp_path)
    keeper.keep()
    keeper.save(tmp_path / "c", kept=True)
    keeper.load(tmp_path / "c")
    assert not [*tmp_path.iterdir()]


def test_a_checkpoint_without_the_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="holds no state of 'counter'"):
        PartsKeeper([Counter()], tmp_path).load(tmp_path)


@pytest.mark.parametrize("names", [["a", "a"], ["../a"], [""], ["a/b"], ["."]])
def test_names_are_those_of_folders_and_each_is_there_once(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(ValueError, match="name of its own"):
        PartsKeeper([Counter(name) for name in names], tmp_path)
