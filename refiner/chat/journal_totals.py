"""What the requests of a journal of calls came to.

In: the table of events. Out: `Totals`. Each row's check sum is looked at, and the rest is SQLite's work: the rows of a
long run are many, and few of them have to become records. Not here: the file (journal_file.py), rows
(journal_events.py).
"""

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

from citerefine.refiner.chat.journal_events import COLUMNS, Totals, check_sum
from citerefine.refiner.records import Usage

_ENDED: Final = "status IN ('ok', 'failed', 'lost')"
_REQUESTS: Final = f"""
WITH good AS NOT MATERIALIZED (SELECT * FROM events WHERE seq NOT IN (SELECT seq FROM temp.damaged)),
ends AS MATERIALIZED (SELECT attempt, max(seq) AS seq FROM events WHERE {_ENDED} GROUP BY attempt),
requests AS (
    SELECT coalesce(ended.status, sent.status) AS status,
           coalesce(ended.status IN ('ok', 'failed') AND ended.calls IS NOT NULL, 0) AS known,
           ended.prompt_tokens AS prompt, ended.completion_tokens AS completion, ended.cost AS cost,
           sent.prompt_tokens AS most_prompt, sent.completion_tokens AS most_completion, sent.cost AS most_cost
    FROM events AS begun LEFT JOIN ends ON ends.attempt = begun.attempt
    LEFT JOIN good AS sent ON sent.seq = begun.seq LEFT JOIN good AS ended ON ended.seq = ends.seq
    WHERE begun.status = 'sent' AND coalesce(ended.status, sent.status) IS NOT NULL)
"""
_SUMS: Final = f"""{_REQUESTS}
SELECT known, count(*), sum(status = 'ok'), sum(status = 'failed'), sum(status = 'sent'),
       count(iif(known, prompt, most_prompt)), total(iif(known, prompt, most_prompt)),
       count(iif(known, completion, most_completion)), total(iif(known, completion, most_completion)),
       count(iif(known, cost, most_cost)), total(iif(known, cost, most_cost))
FROM requests GROUP BY known
"""


class _Sums(NamedTuple):
    """Of the requests whose use is known, or of the others."""

    requests: int = 0
    ok: int = 0
    failed: int = 0
    under_way: int = 0
    prompts: int = 0
    """How many of them say what their prompt used."""
    prompt_tokens: float = 0
    completions: int = 0
    completion_tokens: float = 0
    priced: int = 0
    cost: float = 0

    def usage(self) -> Usage:
        """All together; a sum of which one part is unknown is unknown."""
        return Usage(
            prompt_tokens=int(self.prompt_tokens) if self.prompts == self.requests else None,
            completion_tokens=int(self.completion_tokens) if self.completions == self.requests else None,
            cost=self.cost if self.priced == self.requests else None,
            calls=self.requests,
        )


def add_up(connection: sqlite3.Connection) -> Totals:
    """What all requests came to. Raises sqlite3.Error."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS damaged (seq INTEGER PRIMARY KEY)")
    connection.execute("DELETE FROM temp.damaged")
    connection.executemany("INSERT INTO temp.damaged VALUES (?)", _damaged(connection))
    (damaged,) = connection.execute("SELECT count(*) FROM temp.damaged").fetchone()
    sums = {row[0]: _Sums(*row[1:]) for row in connection.execute(_SUMS)}
    known, unknown = (sums.get(key, _Sums()) for key in (1, 0))
    return Totals(
        requests=known.requests + unknown.requests,
        ok=known.ok + unknown.ok,
        failed=known.failed + unknown.failed,
        unknown=unknown.requests,
        under_way=unknown.under_way,
        known=known.usage(),
        most=unknown.usage(),
        damaged=damaged,
    )


def _damaged(connection: sqlite3.Connection) -> Iterator[tuple[int]]:
    """Numbers of the rows that cannot be believed."""
    rows = connection.execute(f"SELECT seq, {', '.join(COLUMNS)}, crc FROM events NOT INDEXED ORDER BY seq")
    return ((seq,) for seq, *values, told in rows if told != check_sum(values))
