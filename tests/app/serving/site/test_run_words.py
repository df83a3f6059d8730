"""What a reader is told of the events of an answer."""

import pytest
from tests.app.serving.running import PERCH, ROACH

from citerefine.app.serving.site.run_words import Message, messages
from citerefine.refiner.agent.events import (
    Event,
    answer_event,
    plan_event,
    search_event,
    step_event,
    warning_event,
)
from citerefine.refiner.protocols import Outcome
from citerefine.refiner.records import Claim
from citerefine.refiner.tags.scanner import Restart

FOUND = {snippet.id: snippet for snippet in (PERCH, ROACH)}


def told(event: Event) -> list[Message]:
    return [*messages(event, FOUND)]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (step_event("plan"), "Planning what to search for"),
        (step_event("read"), "Reading on around what was found"),
        (step_event("refine"), "Writing the answer"),
        (plan_event([], ["perch", "roach"]), "To be searched for: “perch”; “roach”"),
        (search_event("lake", "perch"), "Searching lake for “perch”"),
        (search_event("lake", "perch", Outcome.OK, 1), "lake: 1 passage for “perch”"),
        (search_event("lake", "perch", Outcome.EMPTY), "lake: nothing for “perch”"),
        (search_event("lake", "perch", Outcome.RATE_LIMITED), "lake takes no more searches for now: “perch”"),
        (search_event("lake", "perch", Outcome.FAILED), "lake could not be searched: “perch”"),
        (search_event("lake", "perch", Outcome.DISABLED), "lake is switched off: “perch”"),
        (search_event("lake", "two\nlines  and\tblanks"), "Searching lake for “two lines and blanks”"),
        (warning_event("the planner\nis gone"), "Warning: the planner is gone"),
    ],
)
def test_each_step_is_one_line(event: Event, words: str) -> None:
    assert told(event) == [Message("step", words)]


@pytest.mark.parametrize("event", [step_event("search"), plan_event([], []), {"type": "snippet", "id": PERCH.id}])
def test_what_the_next_message_says_anyway_is_not_told(event: Event) -> None:
    assert told(event) == []


def test_a_claim_names_the_sources_that_it_cites_once_each() -> None:
    cited = (PERCH.id, ROACH.id, PERCH.id, "unknown")
    claim = Claim(text="Perch  doubled.", citations=cited, start=0, end=15, raw_start=0, raw_end=15)
    assert told(answer_event(claim)) == [Message("claim", "Perch doubled.", (str(PERCH.title), str(ROACH.title)))]


def test_another_draft_voids_the_claims() -> None:
    assert [message.kind for message in told(answer_event(Restart()))] == ["restart"]


def test_long_text_is_cut_and_what_no_page_may_hold_is_shown_as_signs() -> None:
    (message,) = told(search_event("lake", "x" * 10_000 + "\x1b"))
    assert len(message.text) < 500
    assert "more characters" in message.text
    (message,) = told(warning_event("bell \x07"))
    assert message.text == "Warning: bell ␇"
