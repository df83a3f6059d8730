"""The names of what importers find unusual in answers, beside those of the tag parser.

In: nothing. Out: `MEANING`, code → one sentence. None of them counts as a format error. Not here: what keeps an
answer from being read (bad_answer.py).
"""

from typing import Final

MEANING: Final[dict[str, str]] = {
    "mixed_forms": "markers of another form than the one that was read; they were left as text or removed unread",
    "reference_list": "a list of references; it was cut from the scored text",
    "reference_text": "words in the place of a reference that are more than one; they stayed in the scored text",
    "unmatched_reference": "a reference that names no snippet; citations of it lead nowhere",
    "several_passages": "a citation of a work of which the evidence holds several passages; it cites all of them",
    "declared_snippets": "the answer holds snippets of its own; they are no evidence",
    "no_claim": "a citation beside no sentence; it was left out",
    "no_place": "a citation that does not say where in the answer it stands; it was left out",
    "counted_from_zero": "the answer cites [0] where numbers count from 1; the form numbered_from_0 counts from 0",
}
