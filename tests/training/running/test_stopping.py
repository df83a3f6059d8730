"""The first signal ends a run at a good place, the second one at once."""

import signal
import threading

import pytest

from citerefine.training.running.stopping import stopping


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_stops(number: signal.Signals) -> None:
    asked, told = list[bool](), list[str]()
    before = signal.getsignal(number)
    with stopping(lambda: asked.append(True), told.append):
        signal.raise_signal(number)
        assert asked == [True]
        assert told == ["stopping: this step is finished and saved first; Ctrl-C again stops at once"]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert asked == [True]
    assert signal.getsignal(number) is before


def test_other_threads_hear_no_signals_and_change_none() -> None:
    before, seen = signal.getsignal(signal.SIGINT), list[object]()

    def work() -> None:
        with stopping(lambda: None, print):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
