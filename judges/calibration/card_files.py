"""Keeps judge cards, one file each, where `score`, `grade` and training find them.

In: cards of support judges and of rubric judges. Out: files in the user's data folder, or in the folder that
`CITEREFINE_CARDS` names; cards from there and from this package, by the judge's name. Files are data: one that is no
card is told and passed over. Not here: making cards (measuring.py, rubric_measuring.py).
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from citerefine.judges.calibration.judge_card import JudgeCard
from citerefine.judges.calibration.rubric_card import RubricJudgeCard
from citerefine.judges.runs.summary import Agreement
from citerefine.refiner.errors import InputError

VARIABLE: Final = "CITEREFINE_CARDS"
"""Names another folder for cards."""
MAX_CARD_BYTES: Final = 1 << 20

Card = JudgeCard | RubricJudgeCard
CardKind = TypeVar("CardKind", JudgeCard, RubricJudgeCard)
Broken = Callable[[str, str], None]
"""Is told of a file that is no card: its name, why."""


def _nobody(*told: object) -> None:
    """Takes what nobody asked for."""


def cards_folder() -> Path:
    """Where the user's cards are kept."""
    import platformdirs

    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path(platformdirs.user_data_dir("citerefine")) / "cards"


def keep_card(card: Card) -> Path:
    """Writes the card; returns its file. An older one of the same judge and labels is replaced.

    Raises:
        InputError: if it cannot be written.
    """
    folder = cards_folder()
    path = folder / f"{card.key}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=".card.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(card_text(card))
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise InputError(
            f"the card cannot be kept in {folder}: {error.strerror}; name another folder in {VARIABLE}"
        ) from error
    return path


def card_text(card: Card) -> str:
    """The card as its file has it."""
    return card.model_dump_json(indent=2) + "\n"


def find_agreement(judge: str, *, broken: Broken = _nobody) -> tuple[Agreement, ...]:
    """How far the judge of this name agrees with people: one for each set it was measured on, by name.

    Args:
        judge: name of a judge, which holds its version: other versions of it are other judges.
        broken: is told of files that are no cards.
    """
    return tuple(card.agreement for card in find_cards(judge, broken=broken))


def find_cards(judge: str, *, broken: Broken = _nobody) -> list[JudgeCard]:
    """The cards of a support judge, the user's own before those that come with this package, one for each set; by the
    name of the set."""
    found = dict[str, JudgeCard]()
    for card in _all_cards(broken):
        if isinstance(card, JudgeCard) and card.judge == judge:
            found.setdefault(card.key, card)
    return _by_set(found.values())


def find_rubric_cards(judge: str, *, broken: Broken = _nobody) -> list[RubricJudgeCard]:
    """The cards of a rubric judge, likewise; also those that were measured where its model was served elsewhere.

    Of several for one set that is the card of this very name, else the newest; `RubricJudgeCard.judge` says where it
    was measured. A seed makes no other judge.
    """
    from citerefine.judges.rubric.judge_identity import measured_identity  # needs much that `score` does not

    wanted, found = measured_identity(judge), dict[str, RubricJudgeCard]()
    for card in _all_cards(broken):
        if isinstance(card, RubricJudgeCard) and measured_identity(card.judge) == wanted:
            other = found.setdefault(card.labels_sha256, card)
            if other.judge != judge and (card.judge == judge or card.date > other.date):
                found[card.labels_sha256] = card
    return _by_set(found.values())


def _all_cards(broken: Broken) -> Iterator[Card]:
    yield from _read(_own_files(), broken)
    yield from _read(_shipped_files(), broken)


def _by_set(cards: Iterable[CardKind]) -> list[CardKind]:
    return sorted(cards, key=lambda card: (card.labels, card.key))


def shipped_cards() -> list[JudgeCard]:
    """The cards of support judges that come with this package. Raises ValueError if a card is broken."""
    return [card for card in _shipped() if isinstance(card, JudgeCard)]


def shipped_rubric_cards() -> list[RubricJudgeCard]:
    """The cards of rubric judges that come with this package, likewise."""
    return [card for card in _shipped() if isinstance(card, RubricJudgeCard)]


def _shipped() -> list[Card]:
    return [read_card(file.read_bytes()) for file in _shipped_files()]


class _Kind(BaseModel):
    """Which card a file holds; cards of support judges do not say it."""

    kind: str = "support"


def read_card(content: bytes) -> Card:
    """The card that a file holds. Raises ValidationError if it is none."""
    is_rubric = _Kind.model_validate_json(content).kind == "rubric"
    return (RubricJudgeCard if is_rubric else JudgeCard).model_validate_json(content)


def _own_files() -> list[Path]:
    try:
        return sorted(path for path in cards_folder().iterdir() if path.suffix == ".json")
    except OSError:  # nothing was ever kept, or nobody may look
        return []


def _shipped_files() -> list[Traversable]:
    folder = files("citerefine.judges.calibration.cards")
    return sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)


def _read(candidates: "list[Path] | list[Traversable]", broken: Broken) -> Iterator[Card]:
    for file in candidates:
        try:
            with file.open("rb") as opened:
                content = opened.read(MAX_CARD_BYTES + 1)
            if len(content) > MAX_CARD_BYTES:
                raise ValueError(f"it is longer than {MAX_CARD_BYTES >> 20} MB")
            yield read_card(content)
        except ValidationError as error:
            problem = error.errors()[0]
            broken(str(file), f"{'.'.join(map(str, problem['loc'])) or 'content'}: {problem['msg']}")
        except (OSError, ValueError) as error:
            broken(str(file), str(error))
