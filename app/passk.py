"""`citerefine passk`: n answers to each problem, and how often k of them hold a right one.

In: problems or a recipe, models, options; or folders of earlier runs. Out: the folder of the run, a table on standard
output, or with `--json` the `Summary`, `Comparison` or `Selection` (training/passk/); progress on standard error. Exit
code 1 if a row could not be asked or an answer failed. Not here: drawing, grading, figures (training/passk/), tables
(passk_text.py).
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

import typer
from pydantic import ValidationError

from citerefine.app.data_parts import CALLS
from citerefine.app.passk_progress import PasskProgress, say_answers, say_refused
from citerefine.app.passk_text import comparison_lines, selection_lines, summary_lines
from citerefine.app.verdicts import agreet, make_folder
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.models import load_chat_model
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.records import Mode, Record
from citerefine.training.data.building.whole_file import write_whole
from citerefine.training.data.row_reading import RefusedRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks import TASKS
from citerefine.training.errors import JudgeOutage
from citerefine.training.passk import running
from citerefine.training.passk.comparing import compare_results
from citerefine.training.passk.drawing import LENGTHS, DrawDraft, DrawRefinement
from citerefine.training.passk.grading import GradeAnswer, reward_settings
from citerefine.training.passk.kept import check_kept, folders_to_make, how_drawn, is_kept, note_drawn, take_away
from citerefine.training.passk.results import PROBLEMS, RESULT, About, read_results
from citerefine.training.passk.running import PassRun, Stages, run_passk
from citerefine.training.passk.selecting import select
from citerefine.training.passk.settings import PasskSettings, Split
from citerefine.training.passk.source import NO_LINE, Problems, is_recipe, questions_of, read_problems
from citerefine.training.passk.summary import summarise
from citerefine.training.recipes.sections import ModelSettings
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.rewards.settings import RewardSettings

R = TypeVar("R", bound=Record)

_EXAMPLE: Final = "openai:Qwen/Qwen3-4B@http://localhost:8000/v1"


@dataclass(frozen=True, slots=True)
class PasskOptions:
    """What is asked of whom; None leaves it to the recipe, or to the default."""

    model: str | None
    n: int
    k: str | None
    refine: bool | None
    refiner: str | None
    split: str | None
    train: tuple[str, ...]
    right: float | None
    support: str | None
    max_rows: int | None
    mode: str | None
    sets: tuple[str, ...]
    temperature: float | None
    top_p: float | None
    seed: int
    prompt_tokens: int | None
    answer_tokens: int | None
    concurrency: int
    retry_failed: bool


def run_passk_command(source: str, out: Path, options: PasskOptions, as_json: bool) -> None:
    """Samples and reports. Raises CiterefineError; exits with 1 if a row was refused or an answer failed."""
    asked = _problems(source, options)
    about = _about(source, asked, options)
    settings = _settings(asked, options, about)
    trained = _trained(asked, options)
    drawn = how_drawn(about, settings, _mode(asked, options))
    check_kept(out, drawn, about.n)
    made = folders_to_make(out)
    running.make_folder(out)
    with PasskProgress() as shown:
        try:
            asked, run = asyncio.run(_run(asked, about, settings, options, out, shown, drawn))
        except (CallError, JudgeOutage, KeyboardInterrupt):
            shown.stopped(out)
            raise
        finally:
            if not (is_kept(out) or (out / PROBLEMS).exists()):
                take_away(made)
    how = settings.model_dump(mode="json", include={"temperature", "top_p", "seed"}) | {
        "lengths": settings.lengths.model_dump(mode="json", include=LENGTHS),
        "reward": _reward(asked, options).model_dump(mode="json"),
    }
    summary = summarise(about, asked, run, how, trained)
    text = json.dumps(summary.model_dump(mode="json"), ensure_ascii=False, indent=2)
    write_whole(out / RESULT, f"{text}\n")
    for report in filter(None, (run.drafts, run.refined)):
        say_answers(report, len(asked.rows))
    say_refused(asked.refused)
    print(text if as_json else "\n".join(summary_lines(summary)))
    if not summary.is_good:
        raise typer.Exit(1)


def _problems(source: str, options: PasskOptions) -> Problems:
    mode, sets = options.mode, options.sets
    if mode is not None and mode not in [*Mode]:
        raise InputError(f"--mode is {mode!r}; choose from {', '.join(Mode)}")
    if is_recipe(source):
        given = {"mode": mode, "prompt_tokens": options.prompt_tokens, "answer_tokens": options.answer_tokens}
        sets = (*sets, *(f"data.{key}={value}" for key, value in given.items() if value is not None))
    return read_problems(source, mode=Mode(mode) if mode else None, most=options.max_rows, sets=sets)


def _mode(asked: Problems, options: PasskOptions) -> Mode:
    """Of rows that name none."""
    if asked.recipe is not None:
        return asked.recipe.data.mode
    return Mode(options.mode) if options.mode else Mode.ANSWER_ONLY


def _about(source: str, asked: Problems, options: PasskOptions) -> About:
    recipe = asked.recipe
    split = options.split or ("test" if recipe is None else "dev")
    if split not in get_args(Split):
        raise InputError(f"--split is {split!r}; choose from {', '.join(get_args(Split))}")
    model = options.model or (recipe and _in_process(recipe.model))
    if not model:
        raise InputError(f"nobody answers; name a model with --model, for example {_EXAMPLE}")
    cites = TASKS[asked.task].cites
    if not cites and options.right is not None:
        raise InputError(f"--right is for cited answers; one of the task {asked.task} is right by its reference answer")
    wants = options.refine if options.refine is not None else recipe is not None and recipe.phases == "two"
    if options.refiner and options.refine is False:
        raise InputError("--refiner names who refines, and --no-refine says that nobody does; leave one out")
    refiner = options.refiner or (model if wants else None)
    return _checked(
        About,
        source=source,
        split=split,
        task=asked.task,
        measure="f1" if cites else "right",
        model=model,
        refiner=refiner,
        n=options.n,
        k=_numbers(options.k) or tuple(sorted({1, options.n})),
        right=options.right,
        support=_support(asked, options) if cites else None,
    )


def _in_process(model: ModelSettings) -> str:
    if model.revision:
        raise InputError(
            f"the recipe's model is {model.name} at the revision {model.revision}, which no model string says; name a "
            "folder or a server that has it with --model"
        )
    return f"hf:{model.name}"


def _numbers(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(sorted({int(one) for one in text.split(",")})) if text else ()
    except ValueError as error:
        raise InputError(f"--k is {text!r}; name whole numbers with commas between them, as 1,4,32") from error


def _settings(asked: Problems, options: PasskOptions, about: About) -> PasskSettings:
    recipe = asked.recipe
    if recipe is not None:
        lengths = recipe.data
    else:
        given = {"prompt_tokens": options.prompt_tokens, "answer_tokens": options.answer_tokens}
        wanted = {name: value for name, value in given.items() if value is not None}
        fields = DataSettings.model_fields
        both = sum(wanted.get(name, fields[name].default) for name in given)
        lengths = _checked(
            DataSettings, train=about.source, total_tokens=max(both, fields["total_tokens"].default), **wanted
        )
    return _checked(
        PasskSettings,
        n=about.n,
        k=about.k,
        temperature=1.0 if options.temperature is None else options.temperature,
        top_p=options.top_p,
        seed=options.seed,
        lengths=lengths,
    )


def _checked(kind: type[R], **values: Any) -> R:
    """The record. Raises InputError where pydantic would complain."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise InputError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error


def _trained(asked: Problems, options: PasskOptions) -> list[str] | None:
    """Questions that the model was trained on; None if nobody said."""
    if not options.train and asked.recipe is None:
        return None
    return [*asked.trained, *(question for file in options.train for question in questions_of(file))]


def _support(asked: Problems, options: PasskOptions) -> str:
    return options.support or ("lexical" if asked.recipe is None else asked.recipe.reward.support)


def _reward(asked: Problems, options: PasskOptions) -> RewardSettings:
    return reward_settings(asked.task, _support(asked, options))


async def _run(
    asked: Problems,
    about: About,
    settings: PasskSettings,
    options: PasskOptions,
    out: Path,
    shown: PasskProgress,
    drawn: dict[str, Any],
) -> tuple[Problems, PassRun]:
    calls = out / running.STAGES / "judge" / CALLS
    make_folder(calls)
    async with AsyncExitStack() as closing:
        reward = RefinerReward(_reward(asked, options), journal=calls, seed=options.seed)
        grade = GradeAnswer(reward)
        closing.push_async_callback(grade.aclose)
        draft = _opened(about.model, closing)
        other = about.refiner not in (None, about.model)
        refiner = _opened(str(about.refiner), closing) if other else draft
        if about.measure == "f1":
            await agreet(reward.settings.support)
        asked = await _gradable(asked, grade)
        stages = Stages(
            DrawDraft(draft, settings), grade, None if about.refiner is None else DrawRefinement(refiner, settings)
        )
        note_drawn(out, drawn)
        run = await run_passk(
            asked.rows,
            out,
            stages,
            about.n,
            concurrency=options.concurrency,
            retry_failed=options.retry_failed,
            progress=shown.told,
        )
    return asked, run


def _opened(name: str, closing: AsyncExitStack) -> ChatModel:
    model = load_chat_model(name)
    closing.push_async_callback(model.aclose)
    return model


async def _gradable(asked: Problems, grade: GradeAnswer) -> Problems:
    """The problems whose reference answers count as right; the others are refused."""
    if TASKS[asked.task].cites:
        return asked
    rows, refused = [], [*asked.refused]
    for row in asked.rows:
        if await grade.is_gradable(row):
            rows.append(row)
        else:
            why = f"its reference answer {(row.gold or '')[-60:]!r} does not count as right; write it as a formula"
            refused.append(RefusedRow(NO_LINE, row.id, "bad_gold", why))
    if not rows:
        raise InputError(f"no problem can be asked: {refused[0].reason}")
    return asked._replace(rows=tuple(rows), refused=tuple(refused))


def run_passk_compare(a: Path, b: Path, k: str | None, as_json: bool) -> None:
    """Compares two folders and prints. Raises InputError."""
    comparison = compare_results(read_results(a), read_results(b), _numbers(k) or None)
    _print(comparison, comparison_lines(comparison), as_json)


def run_passk_select(
    folders: Sequence[Path], train: Sequence[str], test: Sequence[str], refined: bool, as_json: bool
) -> None:
    """Chooses one of several folders and prints. Raises InputError."""
    trained, tested = ([question for file in files for question in questions_of(file)] for files in (train, test))
    results = [read_results(folder) for folder in folders]
    selection = select(results, by="refined" if refined else "drafts", trained=trained, tested=tested)
    _print(selection, selection_lines(selection), as_json)


def _print(record: Record, lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        print(json.dumps(record.model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        print("\n".join(lines))
