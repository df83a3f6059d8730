"""What attacks and controls do to an answer, by name; hacks.toml says which hack does which.

In: a draft, its topic, a text of the hack. Out: another draft. Nothing here comes from data but texts: an operation is
a function of this package, named in `OPERATIONS`.
"""

from citerefine.judges.adversary.operations import claims, edits, evidence, texts
from citerefine.judges.adversary.operations.operation import Operation

OPERATIONS: dict[str, Operation] = {**texts.OPERATIONS, **claims.OPERATIONS, **evidence.OPERATIONS, **edits.OPERATIONS}
"""Name → what it does."""

__all__ = ["OPERATIONS", "Operation"]
