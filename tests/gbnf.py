"""Reads grammars in llama.cpp's form and writes texts that they admit, to test what the parser makes of such texts.

In: a grammar's text, and chance. Out: a text. Knows what refiner/tags/grammar.py uses: literals, character classes,
groups, `|`, `?`, `*`, `+` and `{m,n}`. Characters that mean something to the parser are chosen more often than by
chance alone. Not here: whether a given text is admitted (the engines themselves say so).
"""

import random
import re
from functools import cache
from typing import Final

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<literal>"(?:[^"\\]|\\.)*")|(?P<kind>\[(?:[^\]\\]|\\.)*\])|(?P<rule>[a-z]+)|(?P<mark>[()|?*+]|\{\d+,\d+\}))"""
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-F]{4})|x([0-9A-F]{2})|(.))")
_NAMED: Final = {"n": "\n", "t": "\t"}
_LIVELY: Final = "<>&;`~ \t!/=\"'a1Sé漢\u3000\u2028lt#"
_MOST: Final = 6
"""Most repeats of what may repeat without end."""

Node = tuple["str | list[Node]", int, int]
"""What is written (a literal, a class, a rule's name, or alternatives), how often at least and at most."""


@cache
def read_gbnf(grammar: str) -> dict[str, list[list[Node]]]:
    """The rules: name → alternatives, each a sequence."""
    rules = dict[str, list[list[Node]]]()
    for line in grammar.splitlines():
        name, _, body = line.partition(" ::= ")
        tokens = list[str]()
        at = 0
        while at < len(body):
            token = _TOKEN.match(body, at)
            assert token is not None, f"{name}: cannot read {body[at : at + 40]!r}"
            tokens.append(token[0].strip(" "))
            at = token.end()
        rules[name] = _alternatives(tokens)
        assert not tokens, f"{name}: {tokens[:3]} is left over"
    return rules


def _alternatives(tokens: list[str]) -> list[list[Node]]:
    found: list[list[Node]] = [[]]
    while tokens and tokens[0] != ")":
        token = tokens.pop(0)
        if token == "|":
            found.append([])
            continue
        item: str | list[Node] = token
        if token == "(":
            item = [("|", 0, 0), *[(sequence, 1, 1) for sequence in _alternatives(tokens)]]
            assert tokens.pop(0) == ")"
        least, most = 1, 1
        if tokens and tokens[0] in ("?", "*", "+"):
            least, most = {"?": (0, 1), "*": (0, _MOST), "+": (1, _MOST)}[tokens.pop(0)]
        elif tokens and tokens[0].startswith("{"):
            least, most = map(int, tokens.pop(0)[1:-1].split(","))
        found[-1].append((item, least, most))
    return found


def write_admitted(rules: dict[str, list[list[Node]]], chance: random.Random, rule: str = "root") -> str:
    """A text that the grammar admits."""
    return "".join(_write(rules, chance, node) for node in chance.choice(rules[rule]))


def _write(rules: dict[str, list[list[Node]]], chance: random.Random, node: Node) -> str:
    item, least, most = node
    return "".join(_write_once(rules, chance, item) for _ in range(chance.randint(least, min(most, least + _MOST))))


def _write_once(rules: dict[str, list[list[Node]]], chance: random.Random, item: "str | list[Node]") -> str:
    if isinstance(item, list):
        sequences = item[1:] if item[0][0] == "|" else [(item, 1, 1)]
        sequence = chance.choice(sequences)[0]
        assert isinstance(sequence, list)
        return "".join(_write(rules, chance, node) for node in sequence)
    if item.startswith('"'):
        return _unescaped(item[1:-1])
    if item.startswith("["):
        return _character(item, chance)
    return write_admitted(rules, chance, item)


def _unescaped(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        return chr(int(code, 16)) if code else _NAMED.get(match[3], match[3])

    return _ESCAPE.sub(plain, text)


def class_ranges(item: str) -> list[tuple[int, int]]:
    """First and last code point of each stretch of a character class, such as `[a-z_]`."""
    characters = [_unescaped(part) for part in re.findall(r"\\u[0-9A-F]{4}|\\x[0-9A-F]{2}|\\.|[^\\]", item[1:-1])]
    ranges, at = list[tuple[int, int]](), 0
    while at < len(characters):
        last = at + 2 if characters[at + 1 : at + 2] == ["-"] and at + 2 < len(characters) else at
        ranges.append((ord(characters[at]), ord(characters[last])))
        at = last + 1
    return ranges


def _character(item: str, chance: random.Random) -> str:
    ranges = class_ranges(item)
    lively = [sign for sign in _LIVELY if any(first <= ord(sign) <= last for first, last in ranges)]
    if lively and chance.random() < 0.7:
        return chance.choice(lively)
    return chr(chance.randint(*chance.choice(ranges)))
