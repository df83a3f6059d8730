"""The task `cited`: a question with evidence, as a refiner is asked it.

In: a row. Out: its prompt, made by the refiner's own code. A row of which a prompt shows less than all changes with it:
snippets that do not fit leave its evidence, so that S1…Sn mean the same in prompt, completion and reward, and snippets
of which an excerpt is shown hold this excerpt, so that nobody judges a claim by what the policy never saw. Not here:
which evidence fits (refiner/prompts/fit.py).
"""

from typing import Final

from citerefine.refiner.answer import parse_answer
from citerefine.refiner.chat.call import ChatCall
from citerefine.refiner.errors import CallError
from citerefine.refiner.evidence import Evidence, read_tool_output
from citerefine.refiner.prompts.fit import Count, Prompt, fit_prompt
from citerefine.refiner.prompts.second_look import improve_instruction
from citerefine.refiner.records import Mode
from citerefine.refiner.tags.writer import Citing, write_answer
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks.prompt import TaskPrompt
from citerefine.training.data.tasks.task import Task

_NO_EVIDENCE: Final = "none of its {n} snippets fits a prompt of {tokens} tokens; shorten them, or raise prompt_tokens"


async def build(row: TrainingRow, settings: DataSettings, count: Count) -> TaskPrompt:
    """The prompt. Raises CallError (`context_exceeded`) if the question, or every snippet, is too long for it."""
    prompt = await fit_prompt(row.request, settings.prompt_tokens, count, settings.ids)
    if row.evidence.snippets and not prompt.evidence.snippets:
        message = _NO_EVIDENCE.format(n=len(row.evidence), tokens=settings.prompt_tokens)
        raise CallError(message, "context_exceeded")
    return TaskPrompt(
        call=ChatCall(messages=prompt.messages, thinking=row.mode is Mode.THINK),
        row=_shown(row, prompt),
        names=tuple(prompt.names[snippet.id] for snippet in prompt.evidence.snippets),
        left_out=tuple(snippet.id for snippet in prompt.left_out),
        shortened=tuple(snippet.id for snippet in prompt.shortened),
        reasoning_cut=prompt.reasoning_cut,
    )


def _shown(row: TrainingRow, prompt: Prompt) -> TrainingRow:
    """The row as the prompt shows it."""
    update: dict[str, object] = {}
    if prompt.left_out or prompt.shortened:
        update["evidence"] = _shown_evidence(prompt)
    if row.answer is not None:
        update["answer"] = _in_names(row, row.answer, prompt)
    if prompt.reasoning_cut:
        update["reasoning"] = prompt.reasoning
    return row.model_copy(update=update) if update else row


def _shown_evidence(prompt: Prompt) -> Evidence:
    """What can be cited, with the text that is shown of it, read back from the prompt."""
    shown = read_tool_output(prompt.messages[-1].content)
    shortened = {snippet.id for snippet in prompt.shortened}
    pairs = zip(prompt.evidence.snippets, shown, strict=True)
    return Evidence(
        snippet.model_copy(update={"text": block.text}) if snippet.id in shortened else snippet
        for snippet, block in pairs
    )


def _in_names(row: TrainingRow, written: str, prompt: Prompt) -> str | None:
    """The answer to imitate with the names that the prompt has for snippets; None if it cites what is not shown.

    What else is not canonical in it becomes so: it is an example.
    """
    answer = parse_answer(written, row.evidence)
    cited = [claim for claim in answer.claims if claim.citations]
    if not answer.text.strip() or any(id not in prompt.names for claim in cited for id in claim.citations):
        return None
    claims = [Citing(claim.start, claim.end, [prompt.names[id] for id in claim.citations]) for claim in cited]
    before = written.rpartition("<answer>")[0] if row.mode is Mode.THINK else ""
    return before + write_answer(answer.text, claims, answer.code)


TASK: Final = Task(build, improve_instruction, cites=True, agrees="words")
