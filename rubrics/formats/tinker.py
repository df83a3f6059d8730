"""Rubric items of the Tinker cookbook, which carry a pattern and instructions for the judge's output.

In: `{convo, rubric_items: [{rubric_str, extraction_regex, grader_output_format_instruction}]}`. Out: a flat rubric of
equal weights. The pattern is kept as the text that it is: nothing compiles or applies it. Not here: judging by it.
"""

from typing import Final

from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.list_format import Group, ListFormat
from citerefine.rubrics.formats.shape import Shape

TINKER: Final = ListFormat(
    "tinker",
    "Tinker cookbook: criteria of equal weight; their patterns are kept and never used",
    Shape(parts.text("rubric_str"), required=(("rubric_str",),)),
    Group("rubric_items"),
)
