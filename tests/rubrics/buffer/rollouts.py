"""What the tests of the buffer share: rules, criteria, values of judges."""

from citerefine.rubrics.buffer.events import Evidence
from citerefine.rubrics.buffer.settings import BufferSettings
from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.rubric import Rubric

SETTINGS = BufferSettings(reward_judges=("openai:Qwen/Qwen3.5-35B-A3B@http://judge/v1 (prompt 3)",))
OTHER = "openai:mistralai/Mistral-Small@http://other/v1"
WRITER = "openai:big/Writer-400B@http://writer/v1"
SPLIT = (1.0, 0.0, 1.0, 0.0)
FLAT = (1.0, 1.0, 1.0, 1.0)
PROOF = Evidence(judge=OTHER, values=SPLIT)

FIXED = (
    Criterion(id="cites", text="Each claim is tied to a source.", weight=2, origin="static"),
    Criterion(
        id="padding", text="Holds passages off the question.", weight=-1, polarity=Polarity.NEGATIVE, origin="static"
    ),
    Criterion(id="river", text="Names the river that floods.", weight=2),
)
BASE = Rubric(query="Which river floods?", criteria=FIXED)
TOPICS = ("dams", "rainfall in spring", "snow melt", "the 1997 flood", "insurance", "levees", "soil", "forest cuts")


def adaptive(topic: str, weight: float = 1) -> Criterion:
    polarity = Polarity.NEGATIVE if weight < 0 else Polarity.POSITIVE
    return Criterion(id="x", text=f"Explains what {topic} has to do with it.", weight=weight, polarity=polarity)
