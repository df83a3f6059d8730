"""Reference answers that are words are told, since they would be read as products of letters; all others go through."""

import pytest

from citerefine.training.passk.references import words_in


@pytest.mark.parametrize(
    ("gold", "words"),
    [
        ("no idea", "no idea"),
        ("I do not know", "I do not know"),
        ("Evelyn", "Evelyn"),
        ("yes", "yes"),
        (r"So it is \boxed{unknown}.", "unknown"),
        ("so the answer is 3", "so the answer is"),
        ("Result = none", "none"),
    ],
)
def test_words_are_told(gold: str, words: str) -> None:
    assert words_in(gold) == words


@pytest.mark.parametrize(
    "gold",
    [
        *("42", "C", "(C)", r"\textbf{(C)}", r"\text{Evelyn}", r"\text{no idea}", "A, B", "xyz", "abcd", "AB + BC"),
        *("12 apples", "5 dollars per hour", "12 cm", "x = 3", "sin x", "sqrt(2)", "y = 2x + 3", "x_{total}"),
        *(r"3\sqrt{13}", r"\{a, b\}", "(1, 2)", r"(-\infty, 3]", r"\begin{pmatrix} x \\ y \end{pmatrix}"),
        *(r"Long words before it: \boxed{x^2}", r"It is \boxed 5", r"\fbox{7}", r"\boxed{", "", r"\frac{\pi}{2}"),
    ],
)
def test_mathematics_choices_units_and_words_in_text_go_through(gold: str) -> None:
    assert words_in(gold) is None
