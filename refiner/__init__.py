"""The embeddable core: records, evidence, tags, refining, showing.

Names are loaded when first used, so that importing this package costs next to nothing and pulls in neither
langgraph nor openai.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from citerefine.refiner.answer import Answer, AnswerStream, parse_answer
    from citerefine.refiner.errors import (
        AnswerError,
        CallError,
        CitationError,
        CiterefineError,
        EvidenceError,
        InputError,
        ModelError,
        ReplyError,
    )
    from citerefine.refiner.evidence import Evidence, read_tool_output
    from citerefine.refiner.records import Claim, Issue, Mode, Snippet, Usage
    from citerefine.refiner.refiner import Refiner
    from citerefine.refiner.request import RefineRequest
    from citerefine.refiner.settings import OnInvalid, RefinerSettings
    from citerefine.refiner.tags.scanner import Restart

__all__ = [
    "Answer",
    "AnswerError",
    "AnswerStream",
    "CallError",
    "CitationError",
    "CiterefineError",
    "Claim",
    "Evidence",
    "EvidenceError",
    "InputError",
    "Issue",
    "Mode",
    "ModelError",
    "OnInvalid",
    "RefineRequest",
    "Refiner",
    "RefinerSettings",
    "ReplyError",
    "Restart",
    "Snippet",
    "Usage",
    "parse_answer",
    "read_tool_output",
]

_MODULES = {
    "answer": ("Answer", "AnswerStream", "parse_answer"),
    "errors": (
        "AnswerError",
        "CallError",
        "CitationError",
        "CiterefineError",
        "EvidenceError",
        "InputError",
        "ModelError",
        "ReplyError",
    ),
    "evidence": ("Evidence", "read_tool_output"),
    "records": ("Claim", "Issue", "Mode", "Snippet", "Usage"),
    "request": ("RefineRequest",),
    "refiner": ("Refiner",),
    "settings": ("OnInvalid", "RefinerSettings"),
    "tags.scanner": ("Restart",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
