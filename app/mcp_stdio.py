"""Standard input that can be ended from within, for a process that serves over it and then ends.

In: bytes on descriptor 0. Out: the same bytes on descriptor 0, until they end or `end` is called: whoever reads them
there, in whatever thread, reads the end of a file. Lines that are too long lose what is too long, and with it their
meaning. Not here: messages, standard output (both are the protocol library's).
"""

import os
import socket
import threading
from typing import Final

from citerefine.refiner.errors import InputError

_PIECE: Final = 65_536


class EndingInput:
    """Stands between standard input and its reader."""

    def __init__(self, line_bytes: int) -> None:
        """Takes descriptor 0. Raises InputError if it is closed.

        Args:
            line_bytes: how much is passed on of a line.
        """
        try:
            self._source = os.dup(0)
        except OSError as error:
            raise InputError("standard input is closed; it is where an assistant speaks, or use --http PORT") from error
        self._most, self._length = line_bytes, 0
        self._into, out = socket.socketpair()
        os.dup2(out.fileno(), 0)
        out.close()
        threading.Thread(target=self._copy, name="standard input", daemon=True).start()

    def end(self) -> None:
        """Ends the input; what was passed on already is still read."""
        self._into.shutdown(socket.SHUT_WR)

    def _copy(self) -> None:
        try:
            while piece := os.read(self._source, _PIECE):
                self._into.sendall(self._shortened(piece))
            self.end()
        except OSError:
            return  # ended from within, or nobody reads any more

    def _shortened(self, piece: bytes) -> bytes:
        """The piece, without what its lines have beyond the limit."""
        kept = list[bytes]()
        for part in piece.splitlines(keepends=True):
            line = part.rstrip(b"\r\n")
            kept += [line[: max(0, self._most - self._length)], part[len(line) :]]
            self._length = 0 if len(part) > len(line) else self._length + len(line)
        return b"".join(kept)
