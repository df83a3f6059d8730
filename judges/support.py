"""Asks a judge all that a score needs to know of one answer, and nothing more.

In: statements, evidence, a judge. Out: `Support` of each statement: the joint verdict, and, where several snippets are
cited, the verdict on each alone and on all without it. Which queries are due is worked out here without asking
anybody (`support_rounds`), so that any kind of judge, and a table of labels, can be driven by it. Not here: judging,
scores.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Final, NamedTuple

from citerefine.judges.judge import SupportJudge
from citerefine.judges.statements import Statement
from citerefine.judges.verdict import SupportQuery, Verdict
from citerefine.refiner.evidence import Evidence

Rounds = Generator[list[SupportQuery], Sequence[Verdict], list["Support"]]
"""Yields the queries of a round, is sent their verdicts, and returns the support of each statement."""


class Support(NamedTuple):
    """What the judge said of one statement."""

    joint: Verdict | None = None
    """On all snippets of the premise together; None if the statement cites none, and nobody was asked."""
    singles: Mapping[str, Verdict] = {}
    """Snippet → the verdict on it alone; empty where the premise is one snippet or supports nothing."""
    rests: Mapping[str, Verdict] = {}
    """Snippet → the verdict on the premise without it, where this can matter."""


UNASKED: Final = Support()


def support_rounds(
    statements: Sequence[Statement], evidence: Evidence | None, question: str, *, at_once: bool
) -> Rounds:
    """The queries about an answer, round by round: joint verdicts, single snippets, all without one.

    Args:
        statements: of the answer.
        evidence: None asks nothing.
        question: what the answer answers.
        at_once: whether single snippets are asked for in the first round, where some are asked in vain.
    """
    if evidence is None:
        return [UNASKED] * len(statements)

    def ask(statement: Statement, ids: Sequence[str]) -> SupportQuery:
        return SupportQuery(statement.text, tuple(evidence[id] for id in ids), question, statement.context)

    premises = {number: premise for number, one in enumerate(statements) if (premise := one.premise)}
    several = [number for number, premise in premises.items() if len(premise) > 1]
    pairs = [(number, id) for number in several for id in premises[number]]
    queries = [ask(statements[number], premise) for number, premise in premises.items()]
    alone = [ask(statements[number], (id,)) for number, id in pairs] if at_once else []
    verdicts = yield queries + alone
    joint = dict(zip(premises, verdicts, strict=False))
    if not at_once:
        pairs = [(number, id) for number, id in pairs if joint[number].support]
        verdicts = (yield [ask(statements[number], (id,)) for number, id in pairs]) if pairs else ()
    singles = dict(zip(pairs, verdicts[len(queries) if at_once else 0 :], strict=True))

    due = [pair for pair in pairs if joint[pair[0]].support and singles[pair].support != 1]
    rests = {
        (number, id): singles[number, _other(premises[number], id)]
        for number, id in due
        if len(premises[number]) == 2
    }
    further = [pair for pair in due if pair not in rests]
    if further:
        asked = [ask(statements[number], _without(premises[number], id)) for number, id in further]
        rests |= dict(zip(further, (yield asked), strict=True))
    single_of, rest_of = _by_statement(singles), _by_statement(rests)
    return [
        Support(joint.get(number), single_of.get(number, {}), rest_of.get(number, {}))
        for number in range(len(statements))
    ]


def _other(premise: tuple[str, ...], id: str) -> str:
    return premise[premise[0] == id]


def _without(premise: tuple[str, ...], id: str) -> list[str]:
    return [one for one in premise if one != id]


def _by_statement(verdicts: Mapping[tuple[int, str], Verdict]) -> dict[int, dict[str, Verdict]]:
    found: dict[int, dict[str, Verdict]] = {}
    for (number, id), verdict in verdicts.items():
        found.setdefault(number, {})[id] = verdict
    return found


async def find_support(
    statements: Sequence[Statement], evidence: Evidence | None, question: str, judge: SupportJudge
) -> list[Support]:
    """The support of each statement, as the judge sees it.

    Raises:
        CallError: if the judge cannot go on at all.
        ValueError: if the judge gives another number of verdicts than it was asked for.
    """
    rounds = support_rounds(statements, evidence, question, at_once=judge.asks_at_once)
    verdicts: Sequence[Verdict] | None = None
    while True:
        try:
            queries = rounds.send(verdicts) if verdicts is not None else next(rounds)
        except StopIteration as end:
            found: list[Support] = end.value
            return found
        verdicts = await judge.judge(queries) if queries else []
        if len(verdicts) != len(queries):
            n = len(verdicts)
            raise ValueError(f"{judge.name} gave {n} verdicts to {len(queries)} queries; it must give one for each")
