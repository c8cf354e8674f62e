"""Progress on standard error: a bar on a terminal, a plain line now and then elsewhere."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import ClassVar

import click

from replay.progress import Progress, Report

LINE_EVERY_S = 5.0
BAR_EVERY_S = 0.1
WIDTH = 30


class ProgressBar:
    """Called with every step of a fold; `end` ends its line. Bars that follow one another share a line."""

    _line_is_open: ClassVar[bool] = False

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_terminal = sys.stderr.isatty()
        self._first: Progress | None = None
        self._began_at = self._shown_at = 0.0

    def update(self, progress: Progress) -> None:
        """Show how far it has come, if it is time to."""
        now = time.monotonic()
        if self._first is None:
            self._first = progress
            self._began_at = self._shown_at = now
        elif now - self._shown_at >= (BAR_EVERY_S if self._is_terminal else LINE_EVERY_S):
            self._shown_at = now
            self._show(progress, self._first, now - self._began_at)

    def end(self) -> None:
        if ProgressBar._line_is_open:
            click.echo(err=True)
            ProgressBar._line_is_open = False

    def _show(self, progress: Progress, first: Progress, elapsed_s: float) -> None:
        """Rates count from the first step of this run: a resumed fold starts in the middle."""
        share = progress.done / max(1, progress.total)
        rate = (progress.events - first.events) / elapsed_s
        moved = progress.done - first.done
        left_s = (progress.total - progress.done) * elapsed_s / moved if moved else 0.0
        text = f"{self._what}: {share:4.0%}  {progress.events:,} events  {rate:,.0f} events/s  {left_s:,.0f} s left"
        if self._is_terminal:
            bar = "█" * round(share * WIDTH)
            click.echo(f"\r{text}  {bar:<{WIDTH}}", nl=False, err=True)
            ProgressBar._line_is_open = True
        else:
            click.echo(text, err=True)


@contextlib.contextmanager
def progress(what: str) -> Iterator[Report]:
    """Yields the function to report progress to; a bar shows it for as long as the block lasts."""
    bar = ProgressBar(what)
    try:
        yield bar.update
    finally:
        bar.end()
