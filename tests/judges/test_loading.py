"""Judge strings."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.judges.chat.judging import EELS, PERCH, judged, query

from citerefine.judges import JUDGES, CachedJudge, CascadeJudge, ChatJudge, LexicalJudge, NliJudge, load_support_judge
from citerefine.judges.judge import SupportJudge
from citerefine.judges.table_judge import TableJudge
from citerefine.judges.verdict import Label
from citerefine.judges.verdict_cache import VerdictCache
from citerefine.refiner.errors import InputError, ModelError

SERVED = "openai:m@http://127.0.0.1:9/v1"
LABELS = """{"claim": "Perch doubled.", "snippet": "a", "label": "full", "who": "Ann"}

{"claim": "Perch doubled.", "snippets": ["b", "a"], "label": "partial"}
"""


def test_every_form_is_explained() -> None:
    forms = [
        "lexical",
        "openai:NAME@BASE_URL",
        "vllm:PATH_OR_NAME",
        "hf:PATH_OR_NAME",
        "cascade:MODEL",
        "table:LABELS.jsonl",
    ]
    assert [*JUDGES] == forms


def test_each_string_names_its_kind_of_judge_and_nothing_is_connected_or_loaded(tiny_qwen3: Path) -> None:
    kinds: dict[str, type] = {"lexical": LexicalJudge, SERVED: ChatJudge, f"hf:{tiny_qwen3}": NliJudge}
    for name, kind in kinds.items():
        judge = load_support_judge(name)
        assert isinstance(judge, kind)
        assert isinstance(judge, SupportJudge)
        assert name in judge.name
    assert isinstance(load_support_judge(f"cascade:{SERVED}"), CascadeJudge)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "gpt-9",
        "extractive",
        "lexical:2",
        "openai:",
        "hf: ",
        "cascade:",
        "cascade:lexical",
        "cascade:cascade:x",
        "table:",
    ],
)
def test_a_string_that_names_nothing_is_answered_with_what_can_be_named(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_support_judge(name)
    assert str(caught.value) == f"no judge is called {name!r}; a judge is one of: {', '.join(JUDGES)}"


def test_a_model_string_that_is_malformed_is_answered_as_everywhere() -> None:
    with pytest.raises(ModelError, match="lacks @"):
        load_support_judge("openai:Qwen")
    with pytest.raises(ModelError, match="there is no folder /nowhere"):
        load_support_judge("hf:/nowhere")


def test_what_models_say_is_kept_in_the_cache_and_what_costs_nothing_is_not(tmp_path: Path) -> None:
    cache = tmp_path / "verdicts.db"
    assert isinstance(load_support_judge(SERVED, cache=cache), CachedJudge)
    assert isinstance(load_support_judge("lexical", cache=cache), LexicalJudge)
    cascade = load_support_judge(f"cascade:{SERVED}", cache=cache)
    judged(cascade, query("Interest rates rose sharply in Norway.", EELS))
    assert not cache.exists() or len(VerdictCache(cache)) == 0


def test_loading_a_judge_loads_no_other() -> None:
    heavy = "torch transformers numpy openai sqlite3"
    code = (
        "import sys; from citerefine.judges.loading import load_support_judge; load_support_judge('lexical'); "
        f"print([name for name in '{heavy}'.split() if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# --- tables of labels -------------------------------------------------------------------------------------------


def table_of(tmp_path: Path, text: str) -> SupportJudge:
    path = tmp_path / "labels.jsonl"
    path.write_text(text, "utf-8")
    return load_support_judge(f"table:{path}")


def test_a_table_gives_its_labels_and_nothing_for_what_it_does_not_hold(tmp_path: Path) -> None:
    judge = table_of(tmp_path, LABELS)
    assert isinstance(judge, TableJudge)
    queries = [query("perch doubled", PERCH), query("Perch doubled.", PERCH, EELS), query("Perch doubled.", EELS)]
    verdicts = judged(judge, *queries)
    assert [verdict.label for verdict in verdicts] == [Label.FULL, Label.PARTIAL, None]
    assert verdicts[2].reason.startswith("not_labelled: ")


def test_tables_with_other_labels_have_other_names(tmp_path: Path) -> None:
    first, same, other = (
        table_of(tmp_path, text).name for text in (LABELS, LABELS + "\n", LABELS.replace("full", "none"))
    )
    assert first == same != other
    assert first.startswith("table:labels.jsonl (")


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (
            '{"claim": "P.", "snippet": "a", "label": "supported"}',
            "label is 'supported'; use one of: full, partial, none",
        ),
        ('{"claim": "P.", "snippet": "a", "label": 1}', "label is '1'"),
        ('{"claim": "P.", "snippet": "a"}', "label is 'None'"),
        ('{"claim": "...", "snippet": "a", "label": "full"}', "claim is missing, or no text with a letter or digit"),
        ('{"snippet": "a", "label": "full"}', "claim is missing"),
        ('{"claim": "P.", "label": "full"}', "give either snippet, one id, or snippets"),
        ('{"claim": "P.", "snippet": "a", "snippets": ["a"], "label": "full"}', "give either snippet"),
        ('{"claim": "P.", "snippets": [], "label": "full"}', "snippets is no list of ids"),
        ('{"claim": "P.", "snippets": "a", "label": "full"}', "snippets is no list of ids"),
        ('{"claim": "P.", "snippet": 3, "label": "full"}', "snippet is no id"),
        ('{"claim": "P.", "snippet": "a", "label": NaN}', "not JSON"),
        ('["P.", "a", "full"]', "no object with named fields"),
        (
            '{"claim": "perch DOUBLED", "snippet": "a", "label": "none"}',
            "label is 'none', and an earlier row has 'full'",
        ),
    ],
)
def test_a_row_that_is_no_label_is_named_by_its_line(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        table_of(tmp_path, f"{LABELS}{row}\n")
    assert "labels.jsonl, line 4: " in str(caught.value)
    assert complaint in str(caught.value)


def test_a_table_that_is_not_there_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_support_judge(f"table:{tmp_path}/none.jsonl")
    with pytest.raises(InputError, match="holds no labels"):
        table_of(tmp_path, "\n")
