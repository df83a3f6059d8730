"""`citerefine export`: from a run to a model that serves at once.

In: a run's folder. Out: a folder with the model; on standard output the commands that serve it and ask it. Not here:
the work (citerefine.training.export).
"""

from pathlib import Path

from citerefine.app.messages import say
from citerefine.app.train import check_installed
from citerefine.training.export.exporting import export_model


def run_export(run: Path, out: Path, *, lora: bool, base: str | None, float32: bool) -> None:
    """Exports and prints. Raises CiterefineError."""
    check_installed("exporting")
    exported = export_model(run, out, lora=lora, base=base, float32=float32)
    say(f"{out} holds the {'small matrices' if lora else 'whole model'}; it is served, and asked, with:")
    print("\n".join(filter(None, (exported.serve, exported.ask, exported.here))))
