"""A question and snippets in, a cited answer out: as a function, awaited, and claim by claim.

Run it with: python examples/plain.py
For a model of your own, write Refiner("openai:NAME@BASE_URL") in place of "extractive".
"""

import asyncio

from citerefine.refiner import Claim, Refiner, Snippet

QUESTION = "Did perch double in Lake Orven?"
SNIPPETS = [
    Snippet(
        text="Perch in Lake Orven doubled between 1990 and 2010. The nets stood at the same eight places each year.",
        title="Fish of Lake Orven",
        url="https://example.org/orven",
        year=2012,
    ),
    Snippet(text="Ice on Lake Saima came later in 2011.", title="Ice records"),
]


def as_a_function(refiner: Refiner) -> None:
    answer = refiner.refine(QUESTION, SNIPPETS, reasoning="I searched for net surveys.")
    print(answer.to_markdown())


async def awaited(refiner: Refiner) -> None:
    questions = (QUESTION, "When did ice come to Lake Saima?")
    for answer in await asyncio.gather(*(refiner.arefine(question, SNIPPETS) for question in questions)):
        print(answer.tagged)


async def claim_by_claim(refiner: Refiner) -> None:
    titles = {snippet.id: snippet.title or snippet.id for snippet in SNIPPETS}
    stream = refiner.stream(QUESTION, SNIPPETS)
    async for event in stream:
        if isinstance(event, Claim):
            print(f"{event.text} ({', '.join(titles[id] for id in event.citations)})")
        else:
            print("(all claims so far are void: the model began anew)")
    assert stream.answer.answered


if __name__ == "__main__":
    refiner = Refiner("extractive")
    as_a_function(refiner)
    asyncio.run(awaited(refiner))
    asyncio.run(claim_by_claim(refiner))
