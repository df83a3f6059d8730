"""The shapes that rubrics have in the field, each read and written without loss: `FORMATS`.

In: native documents as JSON values, or rubrics. Out: `Rubric`, or documents. Reading executes nothing: patterns, names
of functions and placeholders in documents are text. Not here: files (citerefine.rubrics.loading).
"""

from typing import Final

from citerefine.rubrics.formats.drtulu import DRTULU, DRTULU_BUFFER, DRTULU_GENERATED, DRTULU_INGREDIENTS
from citerefine.rubrics.formats.format import Format
from citerefine.rubrics.formats.healthbench import HEALTHBENCH
from citerefine.rubrics.formats.llmdata import AUTORUBRIC, LLMDATA_RUBRIC
from citerefine.rubrics.formats.own import CITEREFINE
from citerefine.rubrics.formats.paperbench import PAPERBENCH, PAPERBENCH_GRADED
from citerefine.rubrics.formats.profbench import PROFBENCH
from citerefine.rubrics.formats.prometheus import PROMETHEUS
from citerefine.rubrics.formats.race import DRB_RACE
from citerefine.rubrics.formats.rar import RAR
from citerefine.rubrics.formats.researcherbench import RESEARCHERBENCH
from citerefine.rubrics.formats.researchrubrics import RESEARCHRUBRICS
from citerefine.rubrics.formats.rubrichub import RUBRICHUB, RUBRICHUB_PIPELINE
from citerefine.rubrics.formats.seed import SEED
from citerefine.rubrics.formats.sqa import SQA
from citerefine.rubrics.formats.tinker import TINKER
from citerefine.rubrics.formats.toml_form import TOML
from citerefine.rubrics.formats.verifiers import VERIFIERS
from citerefine.rubrics.formats.writingbench import WRITINGBENCH

_ALL: Final[tuple[Format, ...]] = (
    CITEREFINE,
    TOML,
    SEED,
    HEALTHBENCH,
    RAR,
    DRTULU,
    DRTULU_INGREDIENTS,
    DRTULU_GENERATED,
    DRTULU_BUFFER,
    SQA,
    RUBRICHUB,
    RUBRICHUB_PIPELINE,
    PAPERBENCH,
    PAPERBENCH_GRADED,
    DRB_RACE,
    WRITINGBENCH,
    PROMETHEUS,
    PROFBENCH,
    VERIFIERS,
    RESEARCHERBENCH,
    RESEARCHRUBRICS,
    LLMDATA_RUBRIC,
    AUTORUBRIC,
    TINKER,
)
FORMATS: Final[dict[str, Format]] = {format.name: format for format in _ALL}
"""Name → format."""
