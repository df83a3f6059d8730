"""What an installation brings along."""

import re
from importlib.metadata import PackageNotFoundError, requires

from packaging.requirements import Requirement

HEAVY = {"torch", "transformers", "trl", "datasets", "vllm", "deepspeed", "ray"}


def needed_by(package: str, seen: set[str]) -> set[str]:
    """All packages that an installation of `package` without extras pulls in."""
    try:
        requirements = [Requirement(text) for text in requires(package) or ()]
    except PackageNotFoundError:  # not needed on this system, or the test would run without it
        return seen
    for requirement in requirements:
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name not in seen and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            seen.add(name)
            needed_by(name, seen)
    return seen


def test_a_light_installation_pulls_in_nothing_heavy() -> None:
    needed = needed_by("citerefine", set())
    assert {"pydantic", "openai", "langgraph", "typer"} <= needed
    assert not needed & HEAVY
