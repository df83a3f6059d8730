"""Words and stems."""

import subprocess
import sys


def test_stems_are_the_same_from_many_threads_at_once() -> None:
    program = """
import sys
from concurrent.futures import ThreadPoolExecutor
from citerefine.refiner.language.words import stem
sys.setswitchinterval(1e-6)
endings = [b + c for b in ("al", "ion", "iv") for c in ("ization", "izing", "s")]
words = [start + ending for start in ("nation", "relat", "gener") for ending in endings]
alone = [stem(word) for word in words]
for _ in range(6):
    stem.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(lambda: [stem.__wrapped__(word) for word in words]) for _ in range(8)]
    assert all(future.result() == alone for future in futures)
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
