"""Who judges answers for a reward: loaded when first asked, given back when it ends.

In: settings, paths of the judges' files, or judges that a caller has. Out: `Panel`. Can be pickled: what was loaded
from a string is loaded anew on the other side, with what is left of the budget then. Not here: asking (answers.py), the
budget (spending.py).
"""

from functools import cached_property
from pathlib import Path
from typing import Any, Final

from citerefine.judges.judge import SupportJudge
from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.training.rewards.maths import MathsGrader
from citerefine.training.rewards.settings import RewardSettings
from citerefine.training.rewards.spending import budget_left

VERDICTS: Final = "verdicts.db"
"""Name of the file of support verdicts, beside the journal of the rubric judge."""


class Panel:
    """The judges of a reward."""

    def __init__(
        self,
        settings: RewardSettings,
        judge: RubricJudge | None = None,
        support: SupportJudge | None = None,
        journal: Path | None = None,
    ) -> None:
        """Loads nothing yet.

        Args:
            settings: name the judges.
            judge: takes the place of `settings.judge`.
            support: takes the place of `settings.support`.
            journal: file of the calls of a rubric judge that is a model; verdicts of a support judge that is one are
                kept beside it. Its folder is made.
        """
        self._settings = settings
        self._given_judge, self._given_support = judge, support
        self._journal = journal

    @cached_property
    def judge(self) -> RubricJudge:
        """The rubric judge. Raises ModelError and InputError as `load_rubric_judge` does."""
        if self._given_judge is not None:
            return self._given_judge
        from citerefine.judges.rubric.loading import load_rubric_judge

        settings = self._settings
        budget = budget_left(settings, self._journal)
        return load_rubric_judge(
            settings.judge, journal=self._file(), budget=budget, backup=settings.backup or None
        )

    @cached_property
    def support(self) -> SupportJudge:
        """The support judge. Raises ModelError and InputError as `load_support_judge` does."""
        if self._given_support is not None:
            return self._given_support
        from citerefine.judges.loading import load_support_judge

        file = self._file()
        return load_support_judge(self._settings.support, cache=None if file is None else file.with_name(VERDICTS))

    @cached_property
    def grader(self) -> MathsGrader:
        """What compares mathematical answers."""
        return MathsGrader()

    def _file(self) -> Path | None:
        if self._journal is not None:
            self._journal.parent.mkdir(parents=True, exist_ok=True)
        return self._journal

    async def aclose(self) -> None:
        """Gives back connections, files and processes; judges that were given too. A later call opens them anew."""
        loaded = vars(self)
        if "judge" in loaded:
            await self.judge.aclose()
        if "support" in loaded:
            await self.support.aclose()
        if "grader" in loaded:
            self.grader.close()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("judge", "support", "grader")}
