"""Standard output and error: readers leave, disks are full, and terminals do not know every character."""

import errno
import io
import os
import sys

STDOUT, STDERR = 1, 2


class OutputClosed(Exception):
    """The reader of standard output has gone, as `head` does when it has enough: the command ends."""


class OutputFailed(Exception):
    """Standard output takes no more; the text says why."""


class _Output(io.FileIO):
    """Raises our own errors, which cannot be taken for those of a database connection."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            self._discard_the_rest()
            if error.errno == errno.EPIPE:
                raise OutputClosed from None
            raise OutputFailed(f"cannot write the output: {error.strerror}") from None

    def _discard_the_rest(self) -> None:
        """What is still buffered must not fail again when the process ends."""
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self.fileno())
        os.close(nothing)


class _Remarks(io.FileIO):
    """Drops what cannot be written: a command does not fail because its remarks are lost."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError:
            return len(data)  # type: ignore[arg-type]


def prepare_standard_output() -> None:
    """Have failures of standard output raise our errors and those of standard error ignored.

    Characters that an encoding lacks are written as `\\uNNNN`.
    """
    before = sys.stdout
    is_terminal = before.isatty()
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(STDOUT, "wb", closefd=False)),
        encoding=before.encoding,
        errors="backslashreplace",
        line_buffering=is_terminal,
    )
    if sys.stderr is not None:
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(_Remarks(STDERR, "wb", closefd=False)),
            encoding=sys.stderr.encoding,
            errors="backslashreplace",
            line_buffering=True,
        )
