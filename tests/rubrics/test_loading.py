"""Files of rubrics, and the rubrics of rows: what is read, and what is told where it cannot be."""

import io
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.rubrics.shapes import same_text

from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import FORMATS
from citerefine.rubrics.loading import (
    MAX_TOML_BYTES,
    dump_rubric,
    load_rubrics,
    read_row_rubric,
    read_rubric,
    write_toml,
)
from citerefine.rubrics.rubric import MAX_NODES, Rubric

ITEMS = [{"criterion": "a", "points": 1}]
ROW = {"prompt": [], "rubrics": ITEMS}
NODE = {"id": "n", "requirements": "a", "weight": 1, "sub_tasks": list[Any]()}


def written(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def test_a_json_file_holds_a_document_or_a_list_of_them(tmp_path: Path) -> None:
    assert [r.format for r in load_rubrics(written(tmp_path / "one.json", ROW))] == ["healthbench"]
    assert [r.format for r in load_rubrics(written(tmp_path / "two.json", [ROW, NODE]))] == [
        "healthbench",
        "paperbench",
    ]
    assert [len(r.criteria) for r in load_rubrics(written(tmp_path / "items.json", ITEMS * 3))] == [3]


def test_a_json_file_may_hold_several_documents_that_are_lists(tmp_path: Path) -> None:
    assert [len(r.criteria) for r in load_rubrics(written(tmp_path / "lists.json", [ITEMS, ITEMS * 2]))] == [1, 2]


def test_json_lines_hold_one_document_a_line(tmp_path: Path) -> None:
    path = written(tmp_path / "many.jsonl", f"{json.dumps(ROW)}\n\n{json.dumps(NODE)}")
    assert [rubric.format for rubric in load_rubrics(path)] == ["healthbench", "paperbench"]


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "mark.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(ROW).encode())
    assert len(load_rubrics(path)) == 1


def test_toml_of_verifiers_is_read_as_theirs(tmp_path: Path) -> None:
    path = written(
        tmp_path / "theirs.toml", '[[criteria]]\nname = "x"\ntext = "Is it brief?"\nchoices = ["no", "yes"]\n'
    )
    assert load_rubrics(path)[0].format == "verifiers"


def test_the_format_can_be_named_where_keys_do_not_tell(tmp_path: Path) -> None:
    rows = [{"description": "a", "weight": 1, "title": "A"}]
    path = written(tmp_path / "rows.json", {"query": "q", "rubrics": rows})
    assert load_rubrics(path, format="drtulu")[0].format == "drtulu"
    with pytest.raises(RubricError, match="no `rubric`; did you mean `rubrics`"):
        load_rubrics(path, format="rar")
    with pytest.raises(RubricError, match="no format 'drtule'; did you mean `drtulu`"):
        load_rubrics(path, format="drtule")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.json", "", "is empty"),
        ("a.json", "[]", "a list of 0"),
        ("a.json", "{}", "an object of 0 keys"),
        ("a.json", "3", "the document is 3"),
        ("a.jsonl", "\n \n", "holds no rubric"),
        ("a.jsonl", f"{json.dumps(ROW)}\n[1,", "line 2 is no JSON"),
        (
            "a.jsonl",
            f"{json.dumps(ROW)}\n" + '{"prompt": [], "rubrics": [{"criterion": "a", "points": "6"}]}',
            "line 2: ",
        ),
        (
            "a.json",
            [ROW, {"prompt": [], "rubrics": [{"criterion": "a", "points": None}]}],
            r"document 2: .*points is None",
        ),
        ("a.json", {"prompt": [], "rubrics": [{"criterion": "a", "points": True}]}, r"rubrics\[0\].points is True"),
        ("a.json", {"prompt": [], "rubrics": [{"criterion": " ", "points": 1}]}, r"rubrics\[0\].criterion is empty"),
        ("a.json", {"prompt": [], "rubrics": [{"criterion": "a" * 100_001, "points": 1}]}, "at most 100000 characters"),
        ("a.json", {"question": "q", "rubrics": [{"criterion": "a", "points": 11}]}, "points go from 0 to 10"),
        ("a.json", {"rubrics": [{"criterion": "a", "pionts": 1}]}, "`healthbench`.*`pionts`: did you mean `points`"),
        ("a.json", {"criteria": [{"id": "x", "text": "a", "wieght": 1}]}, "no known format"),
        ("a.json", {"criteria": [{"id": "x", "text": "a", "weight": -1}]}, "needs the polarity"),
        ("a.json", {"criteria": [{"id": "x", "text": "a", "weight": True}]}, "must be a number, got True"),
        ("a.json", {"criteria": [{"id": "x", "text": "a", "veto": "yes"}]}, "valid boolean"),
        ("a.json", {"criteria": [{"id": "x", "text": "a"}] * 2}, "two criteria have the id 'x'"),
        ("a.json", {"criterions": {}, "dimension_weight": []}, "dimension_weight is a list"),
        ("a.yaml", "a: &a [x, x]\nb: [*a, *a]", "YAML is not read.*toml, .json and .jsonl"),
        ("a.yml", "a: 1", "YAML is not read"),
        ("a.csv", "a,b", "'.csv' are not read"),
        ("rubric", "{}", "'nothing' are not read"),
    ],
)
def test_a_bad_file_is_told_by_its_path_and_the_place(tmp_path: Path, name: str, content: Any, told: str) -> None:
    path = written(tmp_path / name, content)
    with pytest.raises(RubricError, match=told) as error:
        load_rubrics(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.json", tmp_path):
        with pytest.raises(RubricError, match=r"cannot be read|are not read"):
            load_rubrics(path)


def test_a_toml_file_beyond_the_size_of_handwriting_is_refused_unread(tmp_path: Path) -> None:
    path = written(tmp_path / "large.toml", "#" * (MAX_TOML_BYTES + 1))
    with pytest.raises(RubricError, match="larger than 2 MB"):
        load_rubrics(path)


DEEP = '{"id": "n", "requirements": "a", "weight": 1, "sub_tasks": ['
OVERSIZE = {
    "depth.json": lambda: "[" * 100_000,
    "tree.json": lambda: DEEP * 100_000 + "]}" * 100_000,
    "million.json": lambda: (
        '{"prompt": [], "rubrics": [' + ",".join(['{"criterion": "a", "points": 1}'] * 10**6) + "]}"
    ),
    "many.json": lambda: json.dumps({"prompt": [], "rubrics": ITEMS * (MAX_NODES + 1)}),
    "wide.json": lambda: json.dumps({**NODE, "sub_tasks": [NODE] * MAX_NODES}),
    "own.json": lambda: json.dumps({"criteria": [{"id": "x", "text": "a"}] * (MAX_NODES + 1)}),
}
BOUNDED = """
import resource, sys
from citerefine.rubrics.loading import load_rubrics
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load_rubrics(sys.argv[1])
except ValueError as error:
    print(type(error).__name__, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)
"""


@pytest.mark.parametrize("name", OVERSIZE)
def test_files_that_are_too_much_are_refused_soon_and_in_bounded_memory(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, OVERSIZE[name]())
    start = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run = subprocess.run([sys.executable, "-c", BOUNDED, str(path)], capture_output=True, text=True, check=True)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - start < 10
    kind, kilobytes, *_ = run.stdout.split(" ")
    assert kind == "RubricError"
    assert int(kilobytes) * 1024 < 8 * path.stat().st_size + 64 * 2**20


def test_a_million_criteria_in_memory_are_refused_before_a_record_is_built() -> None:
    start = time.process_time()
    with pytest.raises(RubricError):
        read_rubric({"prompt": [], "rubrics": ITEMS * 10**6})
    assert time.process_time() - start < 2


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "native", [None, 3, "a", [], {}, [1], [[]], {"rubrics": 1}, {"criteria": [None]}, {"rubrics": [[]]}]
)
def test_whatever_is_no_document_is_refused_by_every_format(format: str, native: object) -> None:
    try:
        rubric = read_rubric(native, format=format)
    except RubricError:
        return
    assert rubric.criteria == ()  # an empty list of items is an empty rubric


def test_rows_hold_rubrics_under_either_name() -> None:
    row = {
        "id": "1",
        "question": "Why?",
        "snippets": [],
        "positive_rubrics": ["a"],
        "negative_rubrics": [{"description": "b"}],
    }
    rubric = read_row_rubric(row)
    assert rubric is not None
    assert (rubric.format, rubric.query, [c.weight for c in rubric.criteria]) == ("seed", "Why?", [1, -1])
    only_faults = read_row_rubric({"negative_rubrics": ["b"], "positive_rubrics": None})
    assert only_faults is not None
    assert [criterion.is_negative for criterion in only_faults.criteria] == [True]
    assert read_row_rubric({"id": "1", "question": "Why?", "rubrics": None}) is None


@pytest.mark.parametrize(
    ("rubrics", "format"),
    [
        (ROW, "healthbench"),
        (ITEMS, "healthbench"),
        (NODE, "paperbench"),
        ([{"title": "A", "description": "a", "weight": -1.0}], "rubrichub_pipeline"),
        ([{"title": "A", "description": "a"}, "b"], "seed"),
        (["a"], "seed"),
        ({"positive_rubrics": ["a"]}, "seed"),
        ([{"requirement": "a", "weight": 1}], "llmdata_rubric"),
    ],
)
def test_the_rubrics_of_a_row_may_be_of_any_format(rubrics: Any, format: str) -> None:
    rubric = read_row_rubric({"question": "Why?", "rubrics": rubrics})
    assert rubric is not None
    assert (rubric.format, rubric.query) == (format, "Why?")


def test_types_beside_the_rubrics_of_a_row_are_those_of_drtulu() -> None:
    items = [{"title": "A", "description": "a", "weight": 1.0}]
    rubric = read_row_rubric({"question": "Why?", "rubrics": items, "rubrics_types": ["adaptive"]})
    assert rubric is not None
    assert (rubric.format, rubric.criteria[0].origin) == ("drtulu", "adaptive")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"positive_rubrics": ["a"], "rubrics": ["b"]}, "keep one of the two"),
        ({"positive_rubrics": "a"}, "must be a list"),
        ({"positive_rubrics": [3]}, r"positive_rubrics\[0\] is 3"),
        ({"positive_rubrics": [{"descripton": "a"}]}, "no `description`; did you mean `descripton`"),
        ({"rubrics": 3}, "the document is 3"),
        ({"rubrics": [3]}, "no known format"),
        ({"positive_rubrics": ["a\ud800"]}, "half of a character pair"),
    ],
)
def test_bad_rubrics_of_a_row_are_told(row: dict[str, Any], told: str) -> None:
    with pytest.raises(RubricError, match=told):
        read_row_rubric(row)


def test_a_rubric_can_be_translated_into_toml_and_back(tmp_path: Path) -> None:
    (rubric,) = load_rubrics(written(tmp_path / "a.json", {"question": "q", "id": "", "rubrics": ITEMS}))
    path = written(tmp_path / "a.toml", write_toml([rubric]))
    (again,) = load_rubrics(path)
    assert again.leaves[0].key == rubric.leaves[0].key
    assert same_text(dump_rubric(again, "rubrichub"), dump_rubric(rubric))


def test_an_empty_name_of_a_format_is_the_rubrics_own() -> None:
    assert dump_rubric(Rubric(format="healthbench", extra={"prompt": [], "rubrics": []})) == {
        "prompt": [],
        "rubrics": [],
    }
    with pytest.raises(RubricError, match="no format 'unheard'"):
        dump_rubric(Rubric(format="unheard"))


def test_rows_that_no_criteria_could_be_written_for_are_passed_over_and_told(tmp_path: Path) -> None:
    done = {"id": 1, "positive_rubrics": ["Names it."], "negative_rubrics": None, "rubric_error": None}
    failed = {"id": 2, **dict.fromkeys(("positive_rubrics", "negative_rubrics"))}
    failed["rubric_error"] = {"code": "deadline", "message": "no reply"}
    path, told = tmp_path / "rows.jsonl", list[tuple[int, str]]()
    path.write_text("".join(json.dumps(row) + "\n" for row in (failed, done)))
    (rubric,) = load_rubrics(path, skipped=lambda line, reason: told.append((line, reason)))
    assert (rubric.id, told) == ("1", [(1, "deadline: no reply")])
    assert dump_rubric(rubric) == done
    path.write_text(json.dumps(failed) + "\n")
    with pytest.raises(RubricError, match="holds no rubric; its rows have a `rubric_error`"):
        load_rubrics(path)


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ('[[positive]]\ntext = "Names it."\n', 1),
        ('\n# a comment\nquestion = "Which?"\n[[positive]]\ntext = "Names it."\n', 1),
        ('{"positive_rubrics": ["Names it."]}\n', 1),
        ('{\n"positive_rubrics": ["Names it."]\n}\n', 1),
        ('[\n{"positive_rubrics": ["Names it."]}, {"positive_rubrics": ["Names it."]}]', 2),
        ('{"positive_rubrics": ["Names it."]}\n{"positive_rubrics": ["Names it."]}\n', 2),
    ],
)
def test_what_an_open_file_holds_is_told_by_its_text(text: str, n: int) -> None:
    assert len(load_rubrics(io.BytesIO(text.encode()))) == n


def test_what_is_wrong_with_an_open_file_names_standard_input() -> None:
    with pytest.raises(RubricError, match="standard input: is no JSON"):
        load_rubrics(io.BytesIO(b'{"positive_rubrics": ['))
