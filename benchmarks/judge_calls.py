"""What judging an answer costs: calls and prompt tokens, all at once against one call a criterion and claim.

    python -m benchmarks.judge_calls DATA_FOLDER [--answers N] [--rollouts N]

DATA_FOLDER holds `scholarqa_cs_answers`: real answers of two systems to 110 questions, with their rubrics, whose
criteria quote passages. Both ways ask for the same verdicts: one for each criterion that a model judges; one for each
claim with all that it cites, and one for each of these snippets where it cites several. The way to compare with is that
of DR Tulu, as it is described: a call a criterion, with question, answer and criterion; a call a claim, with its
snippets. Its instructions are our own words, about as long. Nothing is sent: a model that only counts stands in for
the judge, and our calls are those that the judges really make.

The answers cite papers by number that we do not have; `[n]` counts as the n-th passage of the rubric, beginning anew
behind the last. With `--rollouts`, each question has N answers, as in training: the real ones by turns, each with a
first sentence of its own; then only criteria are counted. A token is a word of up to nine letters with the blank before
it, a part of a longer one, a digit, a run of signs, or white space; on these prompts that is within 4 % of a real
vocabulary (Tekken of Mistral AI). A prefix cache holds blocks of 16 tokens and forgets nothing; without one, all tokens
are computed.
"""

import argparse
import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from citerefine.judges.chat.chat_judge import ChatJudge
from citerefine.judges.rubric.chat.chat_rubric_judge import ChatRubricJudge
from citerefine.judges.rubric.rubric_judge import GradeQuery
from citerefine.judges.statements import merge_units
from citerefine.judges.support import find_support
from citerefine.judges.units import split_units
from citerefine.judges.verdict import SupportQuery, Verdict
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.language.sentences import split_sentences
from citerefine.refiner.protocols import Capabilities
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.loading import read_rubric

BLOCK: Final = 16
_TOKEN: Final = re.compile(r" ?[^\W\d_]{1,9}|\d| ?[^\w\s]+\n*|\n+|\s+(?=\s)|\s|_")
_CITATION: Final = re.compile(r"\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")
_REFERENCES: Final = re.compile(r"\n[#*\s]*(?:references|citations|bibliography)\b.*", re.IGNORECASE | re.DOTALL)
_NAMES: Final = re.compile(r"c(\d\d)=")

CRITERION_CALL: Final = """\
You will be given a question that somebody asked, a response to it, and a criterion. Judge how far the response meets
the criterion. Give a score: 2 if the response meets all of it, 1 if it meets a part of it or meets it imperfectly, 0
if it does not meet it. Judge nothing but the criterion, and do not reward length or style. Reply with JSON and nothing
else: {{"score": SCORE}}.

<question>{question}</question>
<response>{answer}</response>
<criterion>{criterion}</criterion>
"""
CLAIM_CALL: Final = """\
You will be given a question, a claim from a response to it, and the sources that the claim cites. Judge whether the
sources support the claim: fully, if all of it follows from them; partially, if a part of it does; not at all, if
nothing of it does or they say otherwise. Use no knowledge of your own. Reply with one line and nothing else: [[Fully
supported]], [[Partially supported]] or [[No support]].

<question>{question}</question>
<claim>{claim}</claim>
{sources}
"""


class Case(NamedTuple):
    """An answer that is judged."""

    question: str
    answer: str
    """With citation tags."""
    snippets: tuple[Snippet, ...]
    criteria: tuple[Criterion, ...]


class CountingModel:
    """Keeps the prompts that it gets, and says of everything that it is not so (protocols.ChatModel)."""

    name = "counting"

    def __init__(self, word: str) -> None:
        self.prompts = list[str]()
        self._word = word

    async def complete(self, call: ChatCall) -> ChatReply:
        self.prompts.append("\n".join(message.content for message in call.messages))
        names = _NAMES.findall((call.grammar or "").split("\n")[0])
        assert call.grammar is not None
        words = {name: "0" if self._is_graded(call.grammar, name) else self._word for name in names}
        return ChatReply(text="\n".join(f"c{name}={word}" for name, word in words.items()))

    @staticmethod
    def _is_graded(grammar: str, name: str) -> bool:
        rule = re.findall(rf'c{name}=" (\w+)', grammar)[0]
        return f'\n{rule} ::= "0"' in grammar

    def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
        raise NotImplementedError

    async def capabilities(self) -> Capabilities:
        return Capabilities()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [count_tokens(text) for text in texts]

    async def aclose(self) -> None:
        pass


class AskingAll:
    """A support judge that keeps what it is asked (judges.judge.SupportJudge)."""

    name = "asking all"
    asks_at_once = True

    def __init__(self) -> None:
        self.queries = list[SupportQuery]()

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        self.queries += queries
        return [Verdict(reason="not_asked: only counted", judge=self.name)] * len(queries)

    async def aclose(self) -> None:
        pass


class PrefixCache:
    """Blocks of tokens that were computed before, each known by all tokens up to its end."""

    def __init__(self) -> None:
        self._known = set[bytes]()

    def computed(self, tokens: Sequence[str]) -> int:
        """How many tokens of a prompt must be computed; its blocks are known from then on."""
        digest, found, unbroken = hashlib.sha256(), 0, True
        for start in range(0, len(tokens) - BLOCK + 1, BLOCK):
            digest.update("\0".join(tokens[start : start + BLOCK]).encode() + b"\1")
            key = digest.digest()
            unbroken = unbroken and key in self._known
            found += BLOCK * unbroken
            self._known.add(key)
        return len(tokens) - min(found, len(tokens) - 1)  # the last one is always computed


class Cost(NamedTuple):
    """What all answers cost together."""

    calls: int
    tokens: int
    computed: int
    """Tokens that a prefix cache does not hold."""


def count_tokens(text: str) -> int:
    """Tokens of a text by the rule above."""
    return len(_TOKEN.findall(text))


def cost_of(prompts: Sequence[str]) -> Cost:
    """What these prompts cost, one after the other."""
    cache, tokens, computed = PrefixCache(), 0, 0
    for prompt in prompts:
        found = _TOKEN.findall(prompt)
        tokens += len(found)
        computed += cache.computed(found)
    return Cost(len(prompts), tokens, computed)


# --- the answers ------------------------------------------------------------------------------------------------


def read_cases(folder: Path, rollouts: int) -> Iterator[Case]:
    """The answers, question by question."""
    configs = json.loads((folder / "test_configs_snippets.json").read_text("utf-8"))
    answers = {
        (file, row["case_id"]): row["answer_text"]
        for file in ("claude", "gpt")
        for row in map(json.loads, (folder / f"{file}.jsonl").read_text("utf-8").splitlines())
    }
    for config in configs:
        real = [answers[file, config["case_id"]] for file in ("claude", "gpt")]
        for number in range(rollouts or len(real)):
            opening = f"This is answer {number + 1}. " if rollouts else ""
            yield _case(config, opening + real[number % len(real)])


def _case(config: dict[str, Any], answer: str) -> Case:
    properties = config["metric_config"]["config"]["other_properties"]
    texts = dict.fromkeys(text.strip() for one in properties for text in one.get("evidence", []) if text.strip())
    snippets = tuple(Snippet(id=f"p{number}", text=text) for number, text in enumerate(texts, 1))
    criteria = tuple(one for one in read_rubric(config).judged if one.verifier == "llm")
    return Case(config["initial_prompt"], _with_tags(answer, len(snippets)), snippets, criteria)


def _with_tags(answer: str, count: int) -> str:
    """The answer with tags for its numbers, without its list of references."""
    body, parts, at = _REFERENCES.sub("", answer).replace("<", "&lt;"), list[str](), 0
    for start, end in split_sentences(body, lines=True):
        sentence = body[start:end]
        numbers = [int(one) for found in _CITATION.findall(sentence) for one in re.findall(r"\d+", found)]
        ids = dict.fromkeys(f"p{(number - 1) % count + 1}" for number in numbers if number and count)
        claim = _CITATION.sub("", sentence)
        parts += [body[at:start], f"<snippet id={','.join(ids)}>{claim}</snippet>" if ids else claim]
        at = end
    return f"<answer>{''.join(parts)}</answer>"


# --- the two ways -----------------------------------------------------------------------------------------------


def one_by_one_criteria(case: Case) -> list[str]:
    """A call a criterion."""
    answer = parse_tags(case.answer).text
    return [CRITERION_CALL.format(question=case.question, answer=answer, criterion=one.text) for one in case.criteria]


def claims_of(case: Case) -> list[SupportQuery]:
    """What is to be judged of the citations of an answer."""
    judge, evidence = AskingAll(), Evidence(case.snippets)
    statements = merge_units(split_units(parse_tags(case.answer)), evidence)
    asyncio.run(find_support(statements, evidence, case.question, judge))
    return judge.queries


def one_by_one_claims(case: Case) -> list[str]:
    """A call a claim, and one for each of its snippets where it cites several."""
    prompts = list[str]()
    for query in claims_of(case):
        sources = "\n".join(f"<source>{snippet.text}</source>" for snippet in query.snippets)
        prompts.append(CLAIM_CALL.format(question=case.question, claim=query.claim, sources=sources))
    return prompts


def our_criteria(case: Case, *, with_evidence: bool) -> list[str]:
    """The calls of ChatRubricJudge."""
    model = CountingModel("UNMET")
    query = GradeQuery(case.answer, case.criteria, case.question, case.snippets if with_evidence else ())
    graded = asyncio.run(ChatRubricJudge(model).grade(query))
    assert all(cell.value is not None for cell in graded.cells)
    return model.prompts


def our_claims(case: Case) -> list[str]:
    """The calls of ChatJudge."""
    model = CountingModel("NONE")
    verdicts = asyncio.run(ChatJudge(model).judge(claims_of(case)))
    assert all(verdict.label is not None for verdict in verdicts)
    return model.prompts


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--answers", type=int, help="only so many")
    parser.add_argument("--rollouts", type=int, default=0, help="answers to each question; 0: the two real ones")
    chosen = parser.parse_args()
    cases = list(islice(read_cases(chosen.folder / "scholarqa_cs_answers", chosen.rollouts), chosen.answers))
    ways = {
        "criteria, a call each": [one_by_one_criteria(case) for case in cases],
        "criteria, together": [our_criteria(case, with_evidence=False) for case in cases],
        "criteria, together, with all evidence shown": [our_criteria(case, with_evidence=True) for case in cases],
    }
    if not chosen.rollouts:  # made-up rollouts make the same claims, which would cost nothing the second time
        ways["claims, a call each"] = [one_by_one_claims(case) for case in cases]
        ways["claims, together"] = [our_claims(case) for case in cases]
        for how in ("a call each", "together"):
            pairs = zip(ways[f"criteria, {how}"], ways[f"claims, {how}"], strict=True)
            ways[f"both, {how}"] = [of_criteria + of_claims for of_criteria, of_claims in pairs]
    verdicts = sum(len(case.criteria) for case in cases), sum(len(claims_of(case)) for case in cases)
    print("{} answers, {:,} verdicts on criteria, {:,} on claims\n".format(len(cases), *verdicts))
    print("| an answer | calls | prompt tokens | computed with a prefix cache |\n|---|---|---|---|")
    for name, prompts in ways.items():
        cost = cost_of([prompt for one in prompts for prompt in one])
        n = len(cases)
        print(f"| {name} | {cost.calls / n:.1f} | {cost.tokens / n:,.0f} | {cost.computed / n:,.0f} |")


if __name__ == "__main__":
    main()
