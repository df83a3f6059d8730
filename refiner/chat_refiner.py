"""Refines with a chat model: prompt, grammar, draft, repair, second pass, policy.

In: a `RefineRequest`. Out: the same events for every kind of chat model: claims while the first draft is written, a
Restart and the claims anew where another draft replaces it, and the `Answer`. The client-side validator always runs;
the grammar, where the model keeps to one, only saves repairs. Outcomes that are no answer raise ReplyError. Not here:
how a model is asked (chat/, in_process/), what is valid (validation.py), what becomes of the rest (policy.py).
"""

from collections.abc import AsyncIterator

from citerefine.refiner.answer import Answer
from citerefine.refiner.choice import Draft, better
from citerefine.refiner.drafting import Drafting
from citerefine.refiner.gaps import gap_notes
from citerefine.refiner.policy import apply_policy
from citerefine.refiner.protocols import ChatModel, Critic
from citerefine.refiner.records import Claim
from citerefine.refiner.request import RefineRequest
from citerefine.refiner.settings import RefinerSettings
from citerefine.refiner.tags.scanner import Restart


class ChatRefiner:
    """Answers requests with one chat model; any number at once."""

    def __init__(self, model: ChatModel, settings: RefinerSettings, critic: Critic | None = None) -> None:
        self.model = model
        self._settings = settings
        self._critic = critic

    async def answer(self, request: RefineRequest) -> Answer:
        """The answer to a request.

        Raises:
            CallError: if the model cannot be asked, or not within the deadline.
            ReplyError: if what it writes is no answer.
            CitationError: if the answer does not validate and the policy is to raise.
        """
        drafting = Drafting(self.model, self._settings, request)
        return await self._finish(drafting, await drafting.first())

    async def events(self, request: RefineRequest) -> AsyncIterator[Claim | Restart | Answer]:
        """The claims as they are written, and the answer last. Raises as `answer` does."""
        drafting = Drafting(self.model, self._settings, request)
        shown = list[Claim]()
        draft: Draft | None = None
        async for event in drafting.first_streamed():
            if isinstance(event, Claim):
                shown.append(event)
            elif isinstance(event, Restart):
                shown.clear()
            else:
                draft = event
                continue
            yield event
        answer = await self._finish(drafting, draft)
        if [*answer.claims] != shown:
            if shown:
                yield Restart()
            for claim in answer.claims:
                yield claim
        yield answer

    async def _finish(self, drafting: Drafting, draft: Draft | None) -> Answer:
        """Repairs, improves and settles a first draft."""
        settings = self._settings
        if draft is None:
            draft = await drafting.write_now()
        elif draft.findings and settings.on_invalid.repairs:
            draft = await drafting.repaired(draft)
        if settings.passes == 2:
            draft = await self._judged(draft)
            improved = await drafting.improved(draft)
            if improved is not None:
                draft = better(draft, await self._judged(improved))
        answer = drafting.complete(draft)
        answer = apply_policy(answer, draft.findings, settings.on_invalid.last_resort)
        return answer.noting(*gap_notes(answer))

    async def _judged(self, draft: Draft) -> Draft:
        """The draft with what the critic says of it."""
        if self._critic is None:
            return draft
        critique = await self._critic.critique(draft.answer)
        return Draft(draft.answer, draft.finish, draft.findings, critique.score, critique.findings)
