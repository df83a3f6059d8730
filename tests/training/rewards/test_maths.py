"""Mathematical answers are compared by value, in a process that can be stopped; what the grader fails on is missing."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from citerefine.refiner.errors import ModelError
from citerefine.training.rewards.maths import MathsGrader, answer_in
from citerefine.training.rewards.maths_worker import compare
from citerefine.training.rewards.parts import Missing, Scored

pytest.importorskip("math_verify", reason="math-verify is not installed: pip install 'citerefine[train]'")

MATHS = Path(__file__).parents[4] / "shared" / "data" / "math"


@pytest.fixture(scope="module")
def grader() -> Iterator[MathsGrader]:
    grader = MathsGrader(processes=1)
    yield grader
    grader.close()


def graded(grader: MathsGrader, gold: str, text: str) -> Scored | Missing:
    return asyncio.run(grader.grade(gold, text))


RIGHT = [
    ("2880000", r"so the company pays \boxed{2,880,000}."),
    ("2880000", "The answer is $2,880,000."),
    ("5", "#### 5"),
    ("5", "<think>It may be 7.</think> <answer>It is 5</answer>"),
    (r"\frac{1}{2}", r"\boxed{\frac12}"),
    (r"\frac{1}{2}", r"\boxed{0.5}"),
    ("1/2", r"$\dfrac{2}{4}$"),
    (r"1\frac{1}{2}", r"\boxed{1.5}"),
    (r"50\%", r"\boxed{0.5}"),
    ("0.5", r"\boxed{50\%}"),
    ("(1,2]", r"\boxed{(1, 2]}"),
    (r"[0,\infty)", r"\boxed{[0, \infty)}"),
    (r"12\text{ cm}", r"\boxed{12}"),
    ("12", r"\boxed{12\text{ cm}}"),
    (r"\$5.00", r"\boxed{5}"),
    (r"90^\circ", r"\boxed{90}"),
    (r"\text{Monday}", r"\boxed{\text{Monday}}"),
    (r"\text{Monday}", r"\boxed{Monday}"),
    (r"\text{(A)}", r"\boxed{A}"),
    (r"\{1,2\}", r"\boxed{2, 1}"),
    ("x^2+1", r"\boxed{1+x^2}"),
    ("x=5", r"\boxed{5}"),
    (r"\sqrt{8}", r"\boxed{2\sqrt{2}}"),
    ("2+3i", r"\boxed{3i+2}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\boxed{\begin{pmatrix}1\\2\end{pmatrix}}"),
    (r"so it is \boxed{7}", r"\boxed{7}"),
]
WRONG = [
    ("3", r"\boxed{-3}"),
    ("5", "I have no idea."),
    ("5", ""),
    ("7", "<think>It is 7"),
    ("1", r"\boxed{1} \boxed{2} \boxed{3}"),
    ("2", r"It is \boxed{2}, or perhaps \boxed{1}."),
    ("2", r"\boxed{1, 2, 3}"),
    ("2", r"\boxed{2 \text{ or } 3}"),
    ("[0,1]", r"\boxed{(0,1)}"),
    (r"\frac{1}{3}", r"\boxed{0.33}"),
    (r"\text{Monday}", r"\boxed{\text{Tuesday}}"),
    ("2", "<answer>It is 3.</answer> or 2"),
]


@pytest.mark.parametrize(("gold", "text"), RIGHT)
def test_what_has_the_value_is_right(grader: MathsGrader, gold: str, text: str) -> None:
    assert graded(grader, gold, text) == Scored(1.0)


@pytest.mark.parametrize(("gold", "text"), WRONG)
def test_what_has_not_is_wrong_and_several_boxes_are_no_choice(grader: MathsGrader, gold: str, text: str) -> None:
    part = graded(grader, gold, text)
    assert isinstance(part, Scored)
    assert part.value == 0.0


@pytest.mark.parametrize("gold", [r"50\%", r"12\text{ cm}"])
def test_a_percent_sign_or_a_unit_that_is_left_out_is_forgiven(grader: MathsGrader, gold: str) -> None:
    # Known and lenient: 50 for 50 %, which is no fault of the policy where the problem names the unit.
    assert graded(grader, gold, rf"\boxed{{{gold[:2]}}}") == Scored(1.0)


def test_a_reference_answer_that_is_no_mathematics_is_missing_and_not_asked_again(grader: MathsGrader) -> None:
    part = graded(grader, "???", r"\boxed{5}")
    assert isinstance(part, Missing)
    assert (part.reason.partition(":")[0], part.codes) == ("bad_gold", ())


def test_a_grader_that_trips_is_missing_and_an_answer_that_is_no_mathematics_is_wrong(
    grader: MathsGrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = graded(grader, r"\frac{1}{0}", r"\boxed{5}")
    assert isinstance(part, Missing)
    assert (part.codes, part.again) == (("grader",), False)
    assert graded(grader, "5", r"\boxed{\frac{1}{0}}") == Scored(0.0, "wrong: the answer is not the reference answer")

    def trips(*values: object) -> bool:
        raise RuntimeError("a bug")

    monkeypatch.setattr("math_verify.grader.sympy_expr_eq", trips)
    assert compare("5", r"\boxed{5}") == {"correct": None, "reason": "grader: RuntimeError: a bug"}


def test_an_answer_without_end_is_missing_and_no_wrong_answer_and_the_next_one_is_graded() -> None:
    grader = MathsGrader(processes=1, limit=2.0)
    try:
        part = graded(grader, "4", r"\boxed{9^{9^{9^{9^{9}}}}}")
        assert isinstance(part, Missing)
        assert part.codes == ("grader_deadline",)
        assert not part.again
        assert graded(grader, "4", r"\boxed{4}") == Scored(1.0)
    finally:
        grader.close()


def test_a_grader_that_does_not_run_is_missing_and_may_run_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citerefine.training.rewards.maths._WORKER", "citerefine.training.rewards.no_such_worker")
    part = graded(MathsGrader(processes=1), "4", "4")
    assert isinstance(part, Missing)
    assert part.codes == ("grader_ended",)
    assert part.again


def test_without_math_verify_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install 'citerefine\[train\]'"):
        graded(MathsGrader(processes=1), "4", "4")


def test_many_answers_at_once_in_a_loop_of_a_thread_keep_their_places(grader: MathsGrader) -> None:
    found: list[list[float | None]] = []

    async def grade_all() -> None:
        parts = await asyncio.gather(*(grader.grade("4", rf"\boxed{{{n}}}") for n in range(8)))
        found.append([part.value if isinstance(part, Scored) else None for part in parts])

    thread = threading.Thread(target=lambda: asyncio.run(grade_all()))
    thread.start()
    thread.join()
    assert found == [[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]]


def test_a_closed_grader_leaves_no_process(grader: MathsGrader) -> None:
    assert graded(grader, "4", "4") == Scored(1.0)
    process = grader._idle.get()
    grader._idle.put(process)
    assert process._running is not None
    pid = process._running.pid
    grader.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_only_the_end_of_a_long_text_is_looked_at() -> None:
    assert len(answer_in("x" * 100_000 + r"\boxed{5}")) == 20_000


@pytest.mark.skipif(not MATHS.is_dir(), reason=f"there is no {MATHS}")
def test_every_answer_of_gsm8k_is_its_own_value(grader: MathsGrader) -> None:
    rows = [json.loads(line) for path in sorted(MATHS.glob("*.jsonl")) for line in path.read_text().splitlines()]
    golds = sorted({row["answer"] for row in rows})
    assert len(rows) == 1600

    async def grade_all() -> list[Scored | Missing]:
        return [await grader.grade(gold, rf"So the answer is \boxed{{{gold}}}.") for gold in golds]

    assert [gold for gold, part in zip(golds, asyncio.run(grade_all()), strict=True) if part != Scored(1.0)] == []


def test_ctrl_c_in_a_terminal_does_not_end_who_compares_answers() -> None:
    """It goes to every process of the group; a run that saves its step meanwhile still needs the grader."""
    program = (
        "import asyncio, os, signal\n"
        "from citerefine.training.rewards.maths import MathsGrader\n"
        "signal.signal(signal.SIGINT, lambda *_: None)\n"
        "grader = MathsGrader(processes=1)\n"
        "first = asyncio.run(grader.grade('5', '5'))\n"
        "os.killpg(0, signal.SIGINT)\n"
        "print(first, asyncio.run(grader.grade('5', '5')), sep='|')\n"
        "grader.close()\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], start_new_session=True, capture_output=True, text=True, timeout=120, check=True
    )
    first, second = told.stdout.strip().split("|")
    assert first == second == repr(Scored(1.0))
