"""The hacks are whole: 35, each with an attack and a harmless edit, or a check."""

import pytest
from pydantic import ValidationError

from citerefine.judges.adversary.checks import CHECKS
from citerefine.judges.adversary.drafts import BASES, NOTHING, load_topics
from citerefine.judges.adversary.hacks import Change, Hack, load_hacks
from citerefine.judges.adversary.operations import OPERATIONS
from citerefine.judges.adversary.static_oracle import STATIC
from citerefine.rubrics.sets import load_set


def test_there_are_35_hacks_in_order() -> None:
    assert [hack.number for hack in load_hacks()] == list(range(1, 36))
    assert len({hack.name for hack in load_hacks()}) == 35


def test_what_no_text_can_show_has_a_check() -> None:
    checked = {hack.number for hack in load_hacks() if hack.check}
    assert {9, 31, 32, 33, 34, 35} <= checked


def test_every_operation_and_check_is_used() -> None:
    changes = [change for hack in load_hacks() for change in (*hack.attack, *filter(None, [hack.control]))]
    assert {change.do for change in changes} == OPERATIONS.keys()
    assert {hack.check for hack in load_hacks()} - {""} == CHECKS.keys()


def test_there_are_30_master_keys_and_20_ways_of_self_praise() -> None:
    texts = {hack.number: sum(len(change.texts) for change in hack.attack) for hack in load_hacks()}
    assert texts[6] == 30
    assert texts[4] == 20


@pytest.mark.parametrize("topic", load_topics(), ids=lambda topic: topic.id)
def test_a_topic_knows_what_its_answers_are_worth(topic) -> None:  # type: ignore[no-untyped-def]
    wanted = frozenset[str]().union(*(topic.needs[one.id] for one in topic.rubric.leaves if not one.is_negative))
    asserted = {base: frozenset[str]().union(*(one.facts for one in topic.draft(base).said)) for base in BASES}
    assert asserted["honest"] == wanted
    assert asserted["partial"] < wanted
    assert asserted["weak"] - wanted
    assert topic.draft(NOTHING).text == "<answer></answer>"
    assert len(topic.lies) >= 2


def test_every_edit_changes_the_text_of_some_answer() -> None:
    for hack in load_hacks():
        if hack.control is not None:
            edit, text = OPERATIONS[hack.control.do], hack.control.texts[0]
            drafts = [(topic, topic.draft(base)) for topic in load_topics() for base in BASES]
            assert any(edit(draft, topic, text) != draft for topic, draft in drafts), hack.name


def test_the_oracle_knows_every_static_criterion() -> None:
    assert STATIC.keys() == {f"citation/{leaf.id}" for leaf in load_set("citation").leaves}


def test_a_hack_that_cannot_be_run_is_refused() -> None:
    with pytest.raises(ValidationError, match="no operation is called"):
        Change(do="exec")
    with pytest.raises(ValidationError, match="neither an attack nor a check"):
        Hack(number=1, name="n", attacks="rubric", defence="d")
    with pytest.raises(ValidationError, match="no control"):
        Hack(number=1, name="n", attacks="rubric", defence="d", on=("weak",), attack=(Change(do="repeat"),))
    with pytest.raises(ValidationError, match="starts from"):
        Hack(number=1, name="n", attacks="rubric", defence="d", on=("best",), check="provoked_failure",
             attack=(Change(do="repeat"),), control=Change(do="wrap"))  # fmt: skip
