"""The errors of the refiner package.

    CiterefineError
    ├── EvidenceError (ValueError)   a snippet cannot enter the evidence
    ├── AnswerError (ValueError)     an answer cannot be built or written
    ├── ModelError (ValueError)      a model string names nothing that can run here
    ├── InputError (ValueError)      a question, path or option that nothing can be done with
    ├── CallError                    a model could not be asked, or its server gave no usable reply
    ├── ReplyError                   a model replied, and the reply is no answer: empty, refused, still thinking
    ├── CitationError                an answer does not validate, and the policy is to raise
    └── ReplayError                  a recording does not hold what a replay asks for

Each message says what happened, the value seen, and what to do. Records that are built from wrong values raise
pydantic's ValidationError, which is a ValueError too.
"""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from citerefine.refiner.answer import Answer
    from citerefine.refiner.records import Usage
    from citerefine.refiner.validation import Finding


class CiterefineError(Exception):
    """Any error that this package raises on purpose."""

    exit_code = 2
    """What the command line ends with: 2 for wrong use or bad input, 1 for work that failed."""


class EvidenceError(CiterefineError, ValueError):
    """A snippet cannot enter the evidence: its id is taken by another text, or it is not there at all."""


class AnswerError(CiterefineError, ValueError):
    """An answer cannot be built or written: spans that overlap, an id that no tag can carry."""


class ModelError(CiterefineError, ValueError):
    """A model string is malformed, or names a kind of model that cannot run here."""


class InputError(CiterefineError, ValueError):
    """A question, path or option that nothing can be done with."""


class CallError(CiterefineError):
    """A model could not be asked, or its server gave no usable reply.

    Never holds a key, nor the text of a request. `code` is one of `CALL_FAILURES`.
    """

    exit_code = 1

    def __init__(self, message: str, code: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        """Whether the same call may succeed later."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive_call_error, (type(self), str(self), self.code, self.retryable)


CALL_FAILURES: Final[dict[str, str]] = {
    "unreachable": "no connection, or it broke before the reply was complete",
    "unauthorized": "the server refuses the key, or there is none",
    "no_such_model": "the server has no model of that name, or no such address",
    "rate_limited": "too many requests, and waiting longer than the deadline",
    "server_error": "the server failed (5xx), each time it was tried",
    "bad_request": "the server refuses the request",
    "context_exceeded": "the prompt is longer than the server's context",
    "deadline": "no complete reply within the total deadline",
    "bad_response": "the body is no chat completion: no JSON, no choices, or the reply to another request",
    "too_large": "the reply is longer than is read",
    "budget": "the call would exceed the budget that was set",
}
"""What can be wrong with a call: code → meaning."""


class ReplyError(CiterefineError):
    """A model replied, and the reply is no answer, also after one repair. `code` is one of `REPLY_FAILURES`."""

    exit_code = 1

    def __init__(self, message: str, code: str, usage: "Usage | None" = None) -> None:
        super().__init__(message)
        self.code = code
        self.usage = usage
        """What all calls for the answer consumed; None where that is not known."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.code, self.usage)


REPLY_FAILURES: Final[dict[str, str]] = {
    "empty": "the model wrote nothing",
    "refusal": "the model, or a filter before it, declined",
    "endless_thinking": "the model was still thinking when its tokens ran out",
}
"""What can be wrong with a reply as a whole: code → meaning."""


class CitationError(CiterefineError):
    """An answer does not validate, and the policy is to raise. Nothing is lost: it carries the answer."""

    exit_code = 1
    code = "invalid_citations"

    def __init__(self, message: str, answer: "Answer", findings: "tuple[Finding, ...]") -> None:
        super().__init__(message)
        self.answer = answer
        self.findings = findings

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.answer, self.findings)


class ReplayError(CiterefineError):
    """A recording does not hold what a replay asks for: the question, settings or code differ from when it was made."""

    code = "not_recorded"


def _revive_call_error(kind: type[CallError], message: str, code: str, retryable: bool) -> CallError:
    return kind(message, code, retryable=retryable)
