"""Reads a file of labels into a judge that looks them up.

In: JSON Lines `{"claim", "snippet": id or "snippets": [ids], "label"}`; other fields are passed over. Out: a
`TableJudge` whose name holds a digest of the file. Reading is strict: a row that says nothing usable, or the opposite
of an earlier one, is an error with its line number. Not here: label files of other shapes (calibration/).
"""

import hashlib
from pathlib import Path
from typing import Any

from citerefine.judges.claim_key import claim_key
from citerefine.judges.table_judge import TableJudge
from citerefine.judges.verdict import Label
from citerefine.refiner.batch.rows import BadRow, opened_rows, read_rows
from citerefine.refiner.errors import InputError


def load_label_table(path: Path) -> TableJudge:
    """The judge that gives the labels of this file.

    Raises:
        InputError: if the file cannot be read, holds no label, or a row is not one.
    """
    labels = dict[tuple[str, frozenset[str]], Label]()
    digest = hashlib.sha256()
    with opened_rows(path, "labels") as file:
        for row in read_rows(file):
            try:
                key, label = _labelled(row.values)
            except BadRow as reason:
                raise InputError(f"{path}, line {row.line}: {reason}") from None
            if labels.setdefault(key, label) is not label:
                raise InputError(
                    f"{path}, line {row.line}: label is {label.value!r}, and an earlier row has {labels[key].value!r} "
                    "for the same claim and snippets; keep one of them"
                )
            digest.update(repr((key[0], sorted(key[1]), label.value)).encode())
    if not labels:
        raise InputError(f"{path} holds no labels; write one row a claim, with claim, snippets and label")
    return TableJudge(labels, f"table:{path.name} ({digest.hexdigest()[:8]})")


def _labelled(values: dict[str, Any] | BadRow) -> tuple[tuple[str, frozenset[str]], Label]:
    if isinstance(values, BadRow):
        raise values
    claim, ids, label = values.get("claim"), _ids(values), values.get("label")
    if not isinstance(claim, str) or not claim_key(claim):
        raise BadRow("bad_field", "claim is missing, or no text with a letter or digit")
    if not isinstance(label, str) or label not in [*Label]:
        raise BadRow("bad_field", f"label is {str(label)[:40]!r}; use one of: {', '.join(Label)}")
    return (claim_key(claim), ids), Label(label)


def _ids(values: dict[str, Any]) -> frozenset[str]:
    if ("snippet" in values) == ("snippets" in values):
        raise BadRow("bad_field", "give either snippet, one id, or snippets, a list of ids")
    ids = values["snippets"] if "snippets" in values else [values["snippet"]]
    if not isinstance(ids, list) or not ids or not all(isinstance(id, str) and id for id in ids):
        raise BadRow("bad_field", "snippet is no id, or snippets is no list of ids")
    return frozenset(ids)
