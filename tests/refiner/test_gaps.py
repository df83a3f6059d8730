"""Which words of a question no cited source mentions."""

from citerefine.refiner import Evidence, Refiner, Snippet, parse_answer
from citerefine.refiner.gaps import gap_notes, unmentioned_words

WARFARIN = Snippet(text="Warfarin prevents stroke in women.", title="A trial in Malmö")


def test_the_words_that_no_cited_source_holds_are_named() -> None:
    raw = "<answer><snippet id=S1>Warfarin prevents stroke in women.</snippet></answer>"
    question = "Does aspirin really prevent strokes in women in Malmö, and how good is it for Swedes?"
    answer = parse_answer(raw, Evidence([WARFARIN]), question=question)
    assert unmentioned_words(answer) == ("aspirin", "swedes")
    assert gap_notes(answer) == ("No cited source mentions: aspirin, swedes.",)


def test_sources_that_are_not_cited_do_not_count() -> None:
    other = Snippet(text="Aspirin was not tested.", title="Other")
    raw = "<answer><snippet id=S1>Warfarin prevents stroke in women.</snippet></answer>"
    answer = parse_answer(raw, Evidence([WARFARIN, other]), question="Does aspirin prevent stroke?")
    assert unmentioned_words(answer) == ("aspirin",)


def test_all_that_was_found_of_a_cited_source_counts() -> None:
    methods = Snippet(text="Women took aspirin or nothing.", title="A trial in Malmö", section="Methods")
    raw = "<answer><snippet id=S1>Warfarin prevents stroke in women.</snippet></answer>"
    answer = parse_answer(raw, Evidence([WARFARIN, methods]), question="Does aspirin prevent stroke?")
    assert unmentioned_words(answer) == ()


def test_nothing_is_said_where_nothing_lacks_or_nothing_is_cited() -> None:
    raw = "<answer><snippet id=S1>Warfarin prevents stroke in women.</snippet></answer>"
    assert gap_notes(parse_answer(raw, Evidence([WARFARIN]), question="Does warfarin prevent stroke?")) == ()
    assert gap_notes(parse_answer("<answer>No.</answer>", Evidence([WARFARIN]), question="Aspirin?")) == ()


def test_words_that_only_different_sources_mention_are_named_too() -> None:
    aspirin = Snippet(text="Aspirin prevents headaches.", title="Pain")
    tags = [f"<snippet id=S{n}>{snippet.text}</snippet>" for n, snippet in enumerate((WARFARIN, aspirin), 1)]
    raw = f"<answer>{' '.join(tags)}</answer>"
    answer = parse_answer(raw, Evidence([WARFARIN, aspirin]), question="Aspirin for stroke?")
    assert gap_notes(answer) == ("No single cited source mentions all of: aspirin, stroke.",)


def test_many_words_are_counted() -> None:
    words = " ".join(f"zz{letter}yy" for letter in "abcdefghij")
    raw = "<answer><snippet id=S1>Warfarin prevents stroke in women.</snippet></answer>"
    [note] = gap_notes(parse_answer(raw, Evidence([WARFARIN]), question=words))
    assert note.endswith("zzhyy and 2 more words of the question.")


def test_the_refiner_notes_them_in_every_answer() -> None:
    answer = Refiner().refine("Do anticoagulants prevent stroke in women?", [WARFARIN])
    assert answer.notes == ("No cited source mentions: anticoagulants.",)


def test_words_of_scripts_without_blanks_are_named_as_a_reader_would() -> None:
    snippet = Snippet(text="琵琶湖の表層の水温は上昇した。", title="琵琶湖")
    raw = "<answer><snippet id=S1>琵琶湖の表層の水温は上昇した。</snippet></answer>"
    question = "琵琶湖と諏訪湖の表層水温は上がりましたか"
    assert unmentioned_words(parse_answer(raw, Evidence([snippet]), question=question)) == ("諏訪湖",)


def test_pieces_of_thai_words_are_not_named() -> None:
    raw = "<answer><snippet id=S1>Warfarin prevents stroke in women.</snippet></answer>"
    question = "ทำไมน้ำในทะเลสาบลดลง aspirin"
    assert unmentioned_words(parse_answer(raw, Evidence([WARFARIN]), question=question)) == ("aspirin",)
