"""How fast an answer is parsed and scored by words, beside the plain way to do it?

    python -m benchmarks.score_speed [--json]

Invented answers with a fixed seed: 20 claims each, one or two of twelve snippets of about 156 words cited by each
claim. Times `parse_tags` + `ascore` with the lexical judge (units, needs, joint, single and leave-one-out verdicts,
factors, explanations), and, on the same answers and evidence in the same run, a plain script in the manner of ALCE's:
sentences by a regular expression, markers stripped, the cited documents joined, rapidfuzz for joint, single and
leave-one-out support. Then one answer, and one snippet, of 64 KB to 1 MB: the slope of log time over log size must stay
below MAX_SLOPE (1 = linear). CPU time of one core; ends with status 1 if a bound is missed.
"""

import argparse
import asyncio
import gc
import json
import math
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from rapidfuzz import fuzz

from citerefine.judges.lexical.lexical_judge import LexicalJudge
from citerefine.judges.scoring import CitedAnswer, ascore
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.scanner import parse_tags

N_ANSWERS: Final = 50
N_CLAIMS: Final = 20
N_SNIPPETS: Final = 12
ROUNDS: Final = 5
SIZES: Final = tuple(2**power * 1024 for power in range(6, 11))
MIN_UNITS: Final = 1_000
"""Claim units a second and core."""
MAX_SLOPE: Final = 1.15
CUT: Final = 70.0
"""Where the plain script calls a sentence supported; no result depends on it."""

_SMALL: Final = "the of and in to a is was for with by on that from at as it an be are".split()  # noqa: SIM905
_SYLLABLES: Final = [first + last for first in "bcdfglmnprstv" for last in ("a", "el", "in", "or", "u", "ish")]


class Case(NamedTuple):
    """One answer, in both notations."""

    tagged: str
    numbered: str
    """With [1][2] behind each sentence."""
    snippets: tuple[Snippet, ...]


def make_cases(n: int, chance: random.Random) -> list[Case]:
    """Answers whose claims are edited sentences of their first snippet."""
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(6_000)]
    return [_case(words, chance) for _ in range(n)]


def _sentence(words: Sequence[str], chance: random.Random) -> str:
    picked = [chance.choice(_SMALL if chance.random() < 0.4 else words) for _ in range(19)]
    return " ".join([*picked, str(chance.randint(2, 2_000))]).capitalize()


def _case(words: Sequence[str], chance: random.Random) -> Case:
    texts = [[_sentence(words, chance) for _ in range(8)] for _ in range(N_SNIPPETS)]
    tagged, numbered = list[str](), list[str]()
    for _ in range(N_CLAIMS):
        cited = chance.sample(range(N_SNIPPETS), chance.choice((1, 2)))
        source = chance.choice(texts[cited[0]]).split()
        claim = " ".join(word if chance.random() < 0.8 else chance.choice(words) for word in source) + "."
        tagged.append(f"<snippet id={','.join(f's{number}' for number in cited)}>{claim}</snippet>")
        numbered.append(f"{claim[:-1]} {''.join(f'[{number + 1}]' for number in cited)}.")
    snippets = tuple(
        Snippet(id=f"s{number}", text=". ".join(text) + ".", title=_sentence(words[:50], chance))
        for number, text in enumerate(texts)
    )
    return Case(f"<answer>{' '.join(tagged)}</answer>", " ".join(numbered), snippets)


# --- the two ways -----------------------------------------------------------------------------------------------------


def score_ours(cases: Sequence[Case]) -> int:
    """Scores with a new judge, so that nothing is prepared beforehand; how many units there were."""

    async def all_of_them() -> int:
        judge, n = LexicalJudge(), 0
        for case in cases:
            score = await ascore(CitedAnswer(parse_tags(case.tagged), Evidence(case.snippets)), judge)
            n += len(score.units)
        return n

    return asyncio.run(all_of_them())


_END = re.compile(r"(?<=[.!?])\s+")
_MARKER = re.compile(r"\s*\[(\d+)\]")


def score_plainly(cases: Sequence[Case], measure: Callable[[str, str], float]) -> int:
    """Citation recall and precision in the manner of ALCE's script; how many sentences there were."""
    n = 0
    for case in cases:
        documents = [f"{snippet.title}\n{snippet.text}".lower() for snippet in case.snippets]
        recalled = precise = cited = 0
        for sentence in _END.split(case.numbered):
            n += 1
            numbers = [int(number) - 1 for number in _MARKER.findall(sentence)]
            claim = _MARKER.sub("", sentence).lower()
            if not numbers:
                continue
            cited += len(numbers)
            joint = measure(claim, "\n".join(documents[number] for number in numbers)) >= CUT
            recalled += joint
            for number in numbers if joint else ():
                alone = measure(claim, documents[number]) >= CUT
                rest = "\n".join(documents[other] for other in numbers if other != number)
                precise += alone or not (rest and measure(claim, rest) >= CUT)
    return n


def _coverage(claim: str, text: str) -> float:
    """Percentage of the claim's words that the text has."""
    words = set(re.findall(r"\w+", claim))
    return 100 * len(words & set(re.findall(r"\w+", text))) / len(words)


WAYS: Final[dict[str, Callable[[Sequence[Case]], int]]] = {
    "citerefine, lexical": score_ours,
    "plain, partial_ratio": lambda cases: score_plainly(cases, fuzz.partial_ratio),
    "plain, token_set_ratio": lambda cases: score_plainly(cases, fuzz.token_set_ratio),
    "plain, word coverage": lambda cases: score_plainly(cases, _coverage),
}


def measure_rates() -> dict[str, float]:
    """Units a second and core of each way; the best of ROUNDS, taken in turn, since noise only ever adds."""
    cases = make_cases(N_ANSWERS, random.Random(1))
    best = dict.fromkeys(WAYS, 0.0)
    for _ in range(ROUNDS):
        for name, way in WAYS.items():
            gc.collect()
            start = time.process_time()
            n = way(cases)
            seconds = time.process_time() - start
            best[name] = max(best[name], n / seconds)
    return best


# --- length -----------------------------------------------------------------------------------------------------------


def _long_answer(size: int) -> float:
    """CPU seconds for an answer of `size` characters that cites ordinary snippets."""
    chance = random.Random(2)
    case, snippets = make_cases(1, chance)[0], make_cases(1, chance)[0].snippets
    body = case.tagged.removeprefix("<answer>").removesuffix("</answer>")
    claims = [f"{body} " for _ in range(size // len(body) + 1)]
    numbered = (re.sub(r"(\w)\.</snippet>", rf"\1 {number}.</snippet>", body) for number, body in enumerate(claims))
    return _seconds(Case(f"<answer>{''.join(numbered)[:size]}", "", snippets))


def _long_snippet(size: int) -> float:
    """CPU seconds for an ordinary answer that cites snippets of `size` characters together."""
    case = make_cases(1, random.Random(3))[0]
    repeats = size // sum(len(snippet.text) for snippet in case.snippets) + 1
    long = tuple(Snippet(id=one.id, title=one.title, text=f"{one.text} " * repeats) for one in case.snippets)
    return _seconds(case._replace(snippets=long))


def _seconds(case: Case) -> float:
    """Without garbage collection, whose cost depends on what else is alive."""
    gc.collect()
    gc.disable()
    start = time.process_time()
    score_ours([case])
    seconds = time.process_time() - start
    gc.enable()
    return seconds


def measure_slopes() -> dict[str, dict[str, Any]]:
    """Milliseconds at each of SIZES, and the slope, by what is long."""
    found = dict[str, dict[str, Any]]()
    for name, run in {"answer": _long_answer, "snippets": _long_snippet}.items():
        times = [min(run(size) for _ in range(2)) for size in SIZES]
        found[name] = {"ms": [1000 * seconds for seconds in times], "slope": _slope(times)}
    return found


def _slope(times: Sequence[float]) -> float:
    """Least squares slope of log time over log size."""
    xs, ys = [math.log(size) for size in SIZES], [math.log(seconds) for seconds in times]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / sum((x - x_mean) ** 2 for x in xs)


def main() -> int:
    """Runs the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    rates, slopes = measure_rates(), measure_slopes()
    if options.json:
        print(json.dumps({"units per second and core": rates, "length": slopes}, indent=1))
    else:
        ours = rates["citerefine, lexical"]
        print("| way | claim units/s/core | ratio to ours |\n|---|---:|---:|")
        for name, rate in rates.items():
            print(f"| {name} | {rate:,.0f} | {rate / ours:.2f} |")
        print("\n| long |", *(f"{size // 1024} KB |" for size in SIZES), "slope |")
        print("|---|" + "---:|" * (len(SIZES) + 1))
        for name, row in slopes.items():
            print(f"| {name} |", *(f"{ms:,.0f} |" for ms in row["ms"]), f"{row['slope']:.2f} |")
    is_slow = rates["citerefine, lexical"] < MIN_UNITS or any(row["slope"] > MAX_SLOPE for row in slopes.values())
    return int(is_slow)


if __name__ == "__main__":
    sys.exit(main())
