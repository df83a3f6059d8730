"""A support judge that is a chat model: any model of refiner/models.py.

In: queries about one answer. Out: verdicts. Joint and single verdicts are asked for in one call, or, where they do not
fit, in several at once; the reply is kept to a grammar where the model can be, and read strictly always. A reply that
cannot be read is asked for once more with another seed, then in halves down to single claims; what still has no verdict
goes to the backup model, and after that is not judged, with the reason. Not here: what is asked and replied
(judge_prompt.py, labels.py), how replies are got and read (judges/strips/), keeping verdicts (verdict_cache.py).
"""

from collections.abc import Sequence
from typing import Final

from citerefine.judges.chat.batches import cut_into_calls
from citerefine.judges.chat.judge_prompt import judge_messages, prompt_version
from citerefine.judges.chat.labels import LABELS, as_verdict
from citerefine.judges.strips.examiner import Posed
from citerefine.judges.strips.panel import Panel, load_models
from citerefine.judges.strips.strip import MOST_ITEMS
from citerefine.judges.verdict import SupportQuery, Verdict
from citerefine.refiner.chat.call import Sampling
from citerefine.refiner.errors import InputError
from citerefine.refiner.protocols import ChatModel

CLAIMS_PER_CALL: Final = 24
PROMPT_TOKENS: Final = 8000
"""By the cautious estimate; about 5,000 true ones of English."""
CALLS_AT_ONCE: Final = 8


class ChatJudge:
    """Asks a chat model. Implements `SupportJudge`."""

    asks_at_once = True

    def __init__(
        self,
        model: str | ChatModel,
        *,
        backup: str | ChatModel | None = None,
        claims_per_call: int = CLAIMS_PER_CALL,
        prompt_tokens: int = PROMPT_TOKENS,
        thinking_tokens: int = 0,
        calls_at_once: int = CALLS_AT_ONCE,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Nothing is connected or loaded before the first use.

        Args:
            model: a model string, or any `ChatModel`, whose bounds (deadline, budget, retries) hold here too.
            backup: is asked what `model` came to no verdict on; best another model on another server.
            claims_per_call: most verdicts that one call asks for, 1 to 99.
            prompt_tokens: most tokens of a prompt with several claims; one claim is always asked about whole.
            thinking_tokens: how long the model may think before its verdicts; 0 turns thinking off where it can be.
            calls_at_once: most calls under way for one answer.
            temperature: of the first attempt.
            seed: of the first attempt.

        Raises:
            ModelError: if a model string names no chat model.
            InputError: if a bound is out of its range.
        """
        if not 1 <= claims_per_call <= MOST_ITEMS:
            raise InputError(f"claims_per_call is {claims_per_call}; use 1 to {MOST_ITEMS}")
        for name, bound, least in (
            ("prompt_tokens", prompt_tokens, 1),
            ("thinking_tokens", thinking_tokens, 0),
            ("calls_at_once", calls_at_once, 1),
        ):
            if bound < least:
                raise InputError(f"{name} is {bound}; use {least} or more")
        models = load_models(model, backup)
        self._claims_per_call, self._prompt_tokens = claims_per_call, prompt_tokens
        self._sampling = Sampling(temperature=temperature, seed=seed)
        others = "".join(f", backup {one.name}" for one in models[1:])
        self.name = (
            f"{models[0].name} (prompt {prompt_version()}, {claims_per_call} claims and {prompt_tokens} tokens a call, "
            f"thinking {thinking_tokens}, temperature {temperature:g}, seed {seed}{others})"
        )
        """Model strings, version of the prompt, and all that changes verdicts."""
        self._panel = Panel(models, _pose, thinking_tokens=thinking_tokens, calls_at_once=calls_at_once)

    def __repr__(self) -> str:
        return f"ChatJudge({self.name!r})"

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        """The verdict on each query, in order.

        Raises:
            CallError: if asking on is of no use: `unauthorized`, `no_such_model`, `budget`, or `bad_request` from a
                model that has never replied.
            ModelError: if a model that runs in this process cannot be loaded.
        """
        calls = cut_into_calls(queries, most_tokens=self._prompt_tokens, most_claims=self._claims_per_call)
        answered = await self._panel.ask([([queries[n] for n in call], self._sampling) for call in calls])
        found = dict[int, Verdict]()
        for call, outcomes in zip(calls, answered.outcomes, strict=True):
            found |= {number: as_verdict(one, self.name) for number, one in zip(call, outcomes, strict=True)}
        return [found[number] for number in range(len(queries))]

    async def aclose(self) -> None:
        """Gives back what the models hold."""
        await self._panel.aclose()


def _pose(queries: Sequence[SupportQuery]) -> Posed:
    return Posed(judge_messages(queries), (LABELS,) * len(queries))
