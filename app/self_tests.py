"""Tries a judging model out before the first answer, and remembers for a day how it did.

In: a judge string, the judge's name. Out: a warning for what costs more, or an error for what makes verdicts worthless.
A file per judge in the user's cache folder keeps the findings, so that going on with a run asks nothing. Models that
run in this process are not tried: that would load them twice. Not here: the test (judges/rubric/chat/self_test.py).
"""

import hashlib
import time
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from citerefine.app.corpora import cache_folder
from citerefine.app.messages import say
from citerefine.app.outputs import write_output
from citerefine.judges.rubric.chat.self_test import NEEDED, CheckResult, SelfTest, run_self_test
from citerefine.refiner.errors import CiterefineError, InputError
from citerefine.refiner.models import load_chat_model

KEPT_SECONDS: Final = 24 * 3600
"""So long findings hold: a server may have another model by then."""


class SelfTestError(CiterefineError):
    """A judging model does not do what its verdicts depend on."""

    exit_code = 1


async def try_out(judge: str, name: str) -> None:
    """Sees that a judging model works; says what it lacks.

    Args:
        judge: the judge string; only those of servers are tried.
        name: of the judge, which holds its settings.

    Raises:
        SelfTestError: if its verdicts would mean nothing.
    """
    if not judge.startswith("openai:"):
        return
    test = _kept(name) or await _asked(judge, name)
    failed = [one for one in test.findings if one.result == "fail"]
    if not test.works:
        needed = [one for one in failed if one.check in NEEDED]
        raise SelfTestError(
            f"{judge} fails the self-test of judges ({_listed(needed)}): its verdicts would mean little; name another "
            "--judge, or go on with --no-self-test"
        )
    if failed:
        say(f"self-test: {_listed(failed)}; the judge works, and costs more than it could")


def _listed(failed: list[CheckResult]) -> str:
    return "; ".join(f"{one.check}: {one.detail}" for one in failed)


async def _asked(judge: str, name: str) -> SelfTest:
    model = load_chat_model(judge)
    try:
        test = await run_self_test(model)
    finally:
        await model.aclose()
    if test.works:
        _keep(name, test)
    return test


def _path(name: str) -> Path:
    return cache_folder() / "self-tests" / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"


def _kept(name: str) -> SelfTest | None:
    path = _path(name)
    try:
        if time.time() - path.stat().st_mtime > KEPT_SECONDS:
            return None
        return SelfTest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _keep(name: str, test: SelfTest) -> None:
    path = _path(name)
    try:
        path.parent.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.mkdir(exist_ok=True)
        write_output(path, test.model_dump_json(indent=2) + "\n")
    except (OSError, InputError) as error:
        say(f"the findings of the self-test cannot be kept, and it runs again the next time: {error}")
