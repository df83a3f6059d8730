"""How fast and in how much memory `citerefine score` goes through a run file, with one process and with several.

In: numbers of rows, numbers of workers. Out: a table: rows and claims a second, peak memory of the process that reads
and writes. Each row is an answer of ten claims over five snippets of about 60 words, made up. Not here: agreement of
the judge with people (support_agreement.py).

    python benchmarks/score_rows.py [--rows 200 2000] [--workers 1 2]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

CITEREFINE = Path(sys.executable).parent / "citerefine"
CLAIMS = 10


class Measured(NamedTuple):
    """One run."""

    seconds: float
    cpu: float
    """Seconds of processor time, of all processes together: what other work on the machine does not change much."""
    peak: int
    """Kilobytes."""


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    print("| rows | workers | seconds | rows/s | claims/s | claims/CPU s | peak MB |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for n_rows in options.rows:
            write_run(Path(folder, "run.jsonl"), n_rows)
            for workers in options.workers:
                found = measure(Path(folder), workers)
                speed, claims = n_rows / found.seconds, n_rows * CLAIMS
                rates = f"{speed:.0f} | {CLAIMS * speed:.0f} | {claims / found.cpu:.0f}"
                figures = f"{found.seconds:.1f} | {rates} | {found.peak / 1024:.0f}"
                print(f"| {n_rows:,} | {workers} | {figures} |", flush=True)


def write_run(path: Path, n_rows: int) -> None:
    """Writes a run file."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row(number)) + "\n" for number in range(n_rows))


def row(number: int) -> dict[str, Any]:
    """An answer of ten claims, of which most are supported."""
    snippets = [{"id": f"s{n}", "text": passage(number, n)} for n in range(5)]
    claims = (f"<snippet id=s{n % 5}>{fact(number, n % 5, n // 5)}</snippet>" for n in range(CLAIMS))
    question = f"What is known of lake {number // 2}?"
    return {"id": number, "question": question, "snippets": snippets, "answer": f"<answer>{' '.join(claims)}</answer>"}


def passage(number: int, snippet: int) -> str:
    """Six sentences."""
    return " ".join(fact(number, snippet, sentence) for sentence in range(6))


def fact(number: int, snippet: int, sentence: int) -> str:
    """One sentence with numbers and a name of its own."""
    year = 1900 + (number * 7 + snippet * 13 + sentence * 29) % 120
    fish = ("perch", "bream", "pike", "roach", "trout", "eels")[(number + snippet + sentence) % 6]
    return f"Counts of {fish} in Lake Orven{number % 97} rose to {number % 1000 + sentence} by {year}."


def measure(folder: Path, workers: int) -> Measured:
    """Seconds and memory of one whole process."""
    command = [str(CITEREFINE), "score", "run.jsonl", "--out", "scores.jsonl", "--workers", str(workers)]
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"citerefine score ended with {process.returncode}")
    return Measured(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss)


if __name__ == "__main__":
    main()
