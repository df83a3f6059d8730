"""The refiner as a Runnable, for chains of LangChain's expression language.

In: `{"question", "snippets", "reasoning"?}` or a `RefineRequest`. Out: an `Answer`; batch, retry, fallbacks and
configuration come from LangChain. Claims one by one come from `Refiner.stream`: pieces that a Runnable streams have
to add up to its result, and claims do not add up to an Answer.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NotRequired

from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableLambda
from typing_extensions import TypedDict

from citerefine.refiner.agent.documents import read_evidence
from citerefine.refiner.answer import Answer
from citerefine.refiner.errors import InputError
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.records import Snippet
from citerefine.refiner.refiner import Refiner
from citerefine.refiner.request import RefineRequest
from citerefine.refiner.settings import RefinerSettings


class RefineInput(TypedDict):
    """What a chain hands over."""

    question: str
    snippets: Evidence | Iterable[Snippet | Document | Mapping[str, Any]]
    """The evidence, best first; Documents are read as by `to_snippets`."""
    reasoning: NotRequired[str]


_KEYS = RefineInput.__required_keys__ | RefineInput.__optional_keys__


def refiner_runnable(
    model: str | ChatModel = "extractive", settings: RefinerSettings | None = None
) -> Runnable[RefineInput | RefineRequest, Answer]:
    """A Runnable that refines.

    Raises ModelError here where the model string names nothing that can run. Invoked, it raises InputError for
    another input, and what `Refiner.refine` raises.
    """
    refiner = Refiner(model, settings)

    def refine(given: RefineInput | RefineRequest) -> Answer:
        stream = refiner.stream_request(_request(given, refiner))
        for _ in stream:
            pass
        return stream.answer

    async def arefine(given: RefineInput | RefineRequest) -> Answer:
        return await refiner.arefine_request(_request(given, refiner))

    return RunnableLambda(refine, arefine, name="refine")


def _request(given: RefineInput | RefineRequest, refiner: Refiner) -> RefineRequest:
    if isinstance(given, RefineRequest):
        return given
    if not isinstance(given, Mapping) or not RefineInput.__required_keys__ <= given.keys() <= _KEYS:
        keys = ", ".join(map(repr, given)) if isinstance(given, Mapping) else type(given).__name__
        raise InputError(f"the refiner takes 'question', 'snippets' and, if you like, 'reasoning'; got {keys}")
    return RefineRequest(
        question=given["question"],
        evidence=Evidence(read_evidence(given["snippets"])),
        reasoning=given.get("reasoning", ""),
        mode=refiner.settings.mode,
    )
