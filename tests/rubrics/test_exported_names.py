"""What `citerefine.rubrics` and `citerefine.judges.rubric` offer, and that it is loaded only when used."""

import subprocess
import sys

import pytest

import citerefine.judges.rubric
import citerefine.rubrics


@pytest.mark.parametrize("package", [citerefine.rubrics, citerefine.judges.rubric], ids=["rubrics", "judges.rubric"])
def test_each_exported_name_is_there(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]
    assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert all(getattr(package, name) is not None for name in names)
    assert set(names) <= set(dir(package))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_records_loads_no_format_and_no_model_client() -> None:
    code = (
        "import sys, citerefine.rubrics.rubric, citerefine.judges.rubric.cell; "
        "print(*[name for name in sys.modules if name.startswith(('citerefine.rubrics.formats', 'openai', 'torch'))])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""
