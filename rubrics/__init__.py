"""What good means: criteria and rubrics, in our form and in those of others.

In: files and objects of the formats that the field uses. Out: `Rubric`, one record for all of them, and from it the
same document again. Not here: judging answers by a rubric (citerefine.judges), any model call.
"""
