"""Adds rows up by question: the only thing that resampling needs to know of them.

In: columns of numbers and what question each row belongs to. Out: `Sums`, one line a question. Not here: resampling
(bootstrap.py).
"""

import hashlib
from array import array
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Values = Sequence[float | None] | Floats
"""One number a row; None or NaN where the row has none."""
Clusters = Sequence[int | str] | npt.NDArray[np.uint64]
"""What question each row belongs to: texts, or keys made by `cluster_key`."""


def cluster_key(question: str) -> int:
    """64 bits of the SHA-256 of a text: what stands for a question where there are millions of them.

    Two of a million questions share a key with a probability of 3 in 100 million.
    """
    return int.from_bytes(hashlib.sha256(question.encode(errors="surrogatepass")).digest()[:8], "big")


def number_clusters(clusters_N: Clusters) -> tuple[int, Integers]:
    """How many clusters there are, and the number of each row's, from 0; the order of rows does not matter."""
    if not isinstance(clusters_N, np.ndarray | array):
        clusters_N = [cluster_key(one) if isinstance(one, str) else one for one in clusters_N]
    unique, index_N = np.unique(np.asarray(clusters_N, dtype=np.uint64), return_inverse=True)
    return len(unique), index_N.reshape(-1).astype(np.int64)


def as_column(values_N: Values) -> Floats:
    """The numbers of a column; NaN where there is none."""
    return np.asarray(values_N, dtype=np.float64)


class Sums(NamedTuple):
    """Columns, added up by cluster."""

    names: tuple[str, ...]
    sums_CK: Floats
    """Sum of each column over the rows that have a number."""
    counts_CK: Floats
    """How many rows these are."""


def sum_by_cluster(columns: Mapping[str, Values], clusters_N: Clusters) -> Sums:
    """The sums and counts of each column in each cluster.

    Raises ValueError if columns and clusters differ in length.
    """
    n_clusters, index_N = number_clusters(clusters_N)
    sums, counts = [], []
    for name, values in columns.items():
        column_N = as_column(values)
        if len(column_N) != len(index_N):
            raise ValueError(f"column {name!r} has {len(column_N)} rows, and {len(index_N)} have a question")
        known_N = np.isfinite(column_N)
        sums.append(np.bincount(index_N[known_N], weights=column_N[known_N], minlength=n_clusters))
        counts.append(np.bincount(index_N[known_N], minlength=n_clusters).astype(np.float64))
    empty_C0 = np.empty((n_clusters, 0))
    return Sums(
        tuple(columns),
        np.stack(sums, axis=1) if sums else empty_C0,
        np.stack(counts, axis=1) if counts else empty_C0,
    )
