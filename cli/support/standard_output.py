"""Standard output, whose reader may leave, whose disk may be full, and whose terminal may not know every character."""

import errno
import io
import os
import sys

STDOUT = 1


class OutputClosed(Exception):
    """The reader of standard output has gone, as `head` does when it has enough: the command ends."""


class OutputFailed(Exception):
    """Standard output takes no more; the text says why."""


class _Descriptor(io.FileIO):
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


def prepare_standard_output() -> None:
    """Have failures of standard output raise our errors, and write characters that its encoding lacks as `\\uNNNN`."""
    before = sys.stdout
    is_terminal = before.isatty()
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Descriptor(STDOUT, "wb", closefd=False)),
        encoding=before.encoding,
        errors="backslashreplace",
        line_buffering=is_terminal,
    )
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
