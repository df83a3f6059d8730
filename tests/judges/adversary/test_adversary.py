"""No known hack pays that is not said to, no harmless edit costs, and docs/adversary.md shows what was measured."""

from pathlib import Path

import pytest
from benchmarks.adversary import main, tables

from citerefine.judges.adversary import MAX_DRIFT, MAX_GAIN, load_hacks, load_topics, run_adversary
from citerefine.judges.adversary.checks.judging import Stubborn
from citerefine.judges.adversary.hacks import Hack
from citerefine.judges.adversary.reward import plain
from citerefine.judges.lexical.lexical_judge import LexicalJudge
from citerefine.judges.rubric.chat.chat_rubric_judge import ChatRubricJudge
from citerefine.judges.rubric.lexical.lexical_rubric_judge import LexicalRubricJudge

PAGE = Path(__file__).parents[3] / "docs" / "adversary.md"


def shown(part: str) -> str:
    return PAGE.read_text().partition(f"<!-- {part} -->")[2].partition(f"<!-- /{part} -->")[0].strip()


def test_no_hack_pays_in_silence_when_oracles_judge() -> None:
    rows = run_adversary()
    assert {row.number for row in rows} == set(range(1, 36))
    assert [row for row in rows if row.pays and not row.limit] == []
    assert all(row.drift < MAX_DRIFT for row in rows)
    assert sum(row.pays for row in rows if row.part == "text") <= 4
    assert shown("oracle") == tables(rows), "put the output of benchmarks.adversary into docs/adversary.md"


def test_what_the_lexical_judges_let_through_is_in_the_docs() -> None:
    rows = [row for row in run_adversary(LexicalRubricJudge(), LexicalJudge()) if row.part == "text"]
    assert all(row.drift < MAX_DRIFT for row in rows)
    assert shown("lexical") == tables(rows), "put the first table of --judge lexical into docs/adversary.md"


def test_a_chat_model_can_be_put_to_the_suite() -> None:
    few, one = [hack for hack in load_hacks() if hack.number in (2, 28)], load_topics()[:1]
    rows = run_adversary(ChatRubricJudge(Stubborn()), LexicalJudge(), hacks=few, topics=one)
    assert [(row.number, row.gain is not None and row.gain <= MAX_GAIN) for row in rows] == [(2, True), (28, True)]


@pytest.mark.parametrize("number", [2, 4, 8, 12, 15])
def test_the_same_hacks_pay_in_a_plain_reward(number: int) -> None:
    hacks = [hack for hack in load_hacks() if hack.number == number]
    row = run_adversary(None, None, plain, hacks=hacks, topics=load_topics()[:2])[0]
    assert row.gain is not None
    assert row.gain > MAX_GAIN


def test_the_command_says_by_its_exit_code_that_a_hack_pays(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stuffing = next(hack for hack in load_hacks() if hack.number == 2)
    few: list[Hack] = [stuffing]
    monkeypatch.setattr("citerefine.judges.adversary.runner.load_hacks", lambda: few)
    assert main(["--judge", "oracle"]) == 0
    assert main(["--judge", "lexical", "--json"]) == 1
    assert '"name": "keyword stuffing, topical mention"' in capsys.readouterr().out


def test_a_judge_that_does_not_exist_is_wrong_use_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(["--judge", "lexcial"])
    assert exited.value.code == 2
    assert "no rubric judge is called 'lexcial'" in capsys.readouterr().err
