"""The command of the demonstration: exit codes, what it says, going on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from citerefine.refiner.errors import InputError
from citerefine.training.demo import __main__ as command
from citerefine.training.demo.demo import Outcome
from citerefine.training.demo.measuring import Worth
from citerefine.training.demo.preparing import FULL, SHORT, Scale

Demonstrate = Callable[[Path, Scale, int, Callable[[str], None], str], Outcome | None]


def gaining(gain: float) -> Demonstrate:
    """A demonstration whose every seed gains so much."""

    def demonstrate(folder: Path, scale: Scale, seed: int, tell: Callable[[str], None], phases: str) -> Outcome:
        folder.mkdir(parents=True)
        return Outcome(
            seed=seed,
            made=Worth(0.0, 0.0),
            imitated=Worth(0.5, 0.1),
            rewarded=Worth(0.5 + gain, 0.7),
            curve=((0, 0.5), (10, 0.5 + gain)),
            wall_seconds=200.0,
            cpu_seconds=150.0,
        )

    return demonstrate


def test_each_seed_has_a_line_and_the_picture_shows_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "demonstrate", gaining(0.3))
    assert command.main(["--out", str(tmp_path), "--seeds", "0,2,2"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "seed"
    assert [line.split() for line in lines] == [
        [seed, "0.000", "0.500", "0.800", "+0.300", "0.100", "0.700", "200", "150"] for seed in "02"
    ]
    assert (tmp_path / "learning.svg").read_text("utf-8").count("0.50 → 0.80") == 2


def test_a_seed_that_gains_too_little_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "demonstrate", gaining(0.1))
    assert command.main(["--out", str(tmp_path)]) == 1


@pytest.mark.parametrize(("arguments", "scale"), [([], FULL), (["--short"], SHORT)])
def test_the_short_one_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], scale: Scale
) -> None:
    asked = list[Scale]()

    def demonstrate(folder: Path, scale: Scale, seed: int, tell: Callable[[str], None], phases: str) -> None:
        asked.append(scale)

    monkeypatch.setattr(command, "demonstrate", demonstrate)
    command.main(["--out", str(tmp_path), *arguments])
    assert asked == [scale]


@pytest.mark.parametrize("interrupts", [True, False], ids=["at once", "at the end of a step"])
def test_a_stop_is_told_with_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, interrupts: bool
) -> None:
    def demonstrate(*_: object) -> None:
        if interrupts:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "demonstrate", demonstrate)
    assert command.main(["--out", str(tmp_path)]) == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_a_folder_that_holds_something_else_is_an_error_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def demonstrate(*_: object) -> None:
        raise InputError("it is not empty")

    monkeypatch.setattr(command, "demonstrate", demonstrate)
    assert command.main(["--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "error: it is not empty\n"


@pytest.mark.parametrize("seeds", ["", "a", "1,,2"])
def test_seeds_are_numbers(seeds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        command.main(["--seeds", seeds])
    assert raised.value.code == 2
    assert "--seeds" in capsys.readouterr().err
