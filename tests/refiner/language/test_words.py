"""Words and stems."""

import subprocess
import sys

from citerefine.refiner.language.words import content_words, count_words, is_held, name_stems, words


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


def test_words_between_blanks_and_pieces_of_runs_stand_in_order() -> None:
    assert words("The iPS細胞はMouseで") == ["the", "ips", "細", "細胞", "胞", "は", "mouse", "で"]
    assert content_words("The iPS細胞はMouseで") == ["ips", "細", "細胞", "胞", "mouse"]
    assert words("Perch’s don't 호수의 вода") == ["perch", "don't", "호수의", "вода"]


def test_two_characters_without_blanks_count_as_a_word() -> None:
    assert count_words("Perch doubled in 2010.") == 4
    assert count_words("水温は2010年に上昇した。") == 1 + 5


def test_a_run_makes_no_name_of_what_stands_beside_it() -> None:
    assert name_stems("1980年からKyotoで") == {"kyoto"}


def test_a_pair_of_characters_is_held_where_both_are() -> None:
    assert is_held("水温", {"水", "温"})
    assert not is_held("水温", {"水", "水素"})
    assert not is_held("perch", set("perch"))
