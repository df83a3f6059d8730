"""Replies to other requests are noticed wherever the server gives something to compare, and nowhere else."""

from citerefine.refiner.chat.mixups import MixupGuard
from citerefine.refiner.chat.replies import Wire

LONG = "chatcmpl-" + "a" * 32


def reply(id: str, model: str = "tiny") -> Wire:
    return Wire(id=id, model=model, choices=[])


def test_ids_are_compared_once_the_server_has_shown_that_it_uses_ours() -> None:
    guard = MixupGuard()
    assert guard.complaint(reply("anything"), "r0", "k0", ()) is None
    assert guard.complaint(reply("chatcmpl-r1"), "r1", "k1", ()) is None
    assert "answers another one" in (guard.complaint(reply("chatcmpl-r1"), "r2", "k2", ()) or "")
    assert "answers another one" in (guard.complaint(reply(""), "r3", "k3", ()) or "")


def test_a_long_id_belongs_to_one_call() -> None:
    guard = MixupGuard()
    assert guard.complaint(reply(LONG), "r1", "k1", ()) is None
    assert guard.complaint(reply(LONG), "r2", "k1", ()) is None, "a cache may give an equal call the same reply"
    assert "earlier reply" in (guard.complaint(reply(LONG), "r3", "k2", ()) or "")


def test_short_ids_may_come_back() -> None:
    guard = MixupGuard()
    for number in range(5):
        assert guard.complaint(reply("chatcmpl-123"), f"r{number}", f"k{number}", ()) is None
        assert guard.complaint(reply(""), f"r{number}", f"k{number}", ()) is None


def test_a_model_that_the_server_does_not_list_is_noticed_where_it_is_exact() -> None:
    guard = MixupGuard()
    assert guard.complaint(reply("", "other"), "r", "k", ()) is None
    assert guard.complaint(reply("", ""), "r", "k", ("tiny",)) is None
    assert guard.complaint(reply("", "tiny"), "r", "k", ("big", "tiny")) is None
    assert "does not list" in (guard.complaint(reply("", "other"), "r", "k", ("tiny",)) or "")


def test_it_remembers_a_bounded_number_of_ids() -> None:
    guard = MixupGuard()
    for number in range(5000):
        assert guard.complaint(reply(f"{number:032}"), f"r{number}", f"k{number}", ()) is None
    assert guard.complaint(reply(f"{0:032}"), "r", "k", ()) is None
    assert guard.complaint(reply(f"{4999:032}"), "r", "k", ()) is not None
