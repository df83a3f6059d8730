"""Rows that cannot be used: each reason is heard, and none drowns the others."""

from citerefine.app.refusals import Refusals


def told(most: int, codes: str) -> list[str]:
    lines = list[str]()
    refusals = Refusals(most, lines.append)
    for line, code in enumerate(codes, start=1):
        refusals.add(code, f"line {line}: {code}")
    refusals.tell_rest()
    assert len(refusals) == len(codes)
    return lines


def test_the_first_of_each_reason_are_told_and_the_rest_counted() -> None:
    assert told(2, "aaaabab") == ["line 1: a", "line 2: a", "line 5: b", "line 7: b", "… and 3 rows more: 3 a"]
    assert told(1, "aabbb")[2:] == ["… and 3 rows more: 2 b, 1 a"]


def test_where_all_are_told_nothing_is_added() -> None:
    assert told(2, "aab") == ["line 1: a", "line 2: a", "line 3: b"]
    assert told(2, "") == []
