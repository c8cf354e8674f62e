"""Tables as Markdown, so that what a run prints can stand in the docs as it is."""

import statistics
from collections.abc import Sequence


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table under a heading."""
    print(f"\n### {title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |", flush=True)


def ms(seconds: float) -> str:
    """Seconds, shown in milliseconds."""
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"


def p50_p99(seconds: Sequence[float]) -> tuple[str, str]:
    """Median and 99th percentile, shown in milliseconds."""
    ordered = sorted(seconds)
    return ms(statistics.median(ordered)), ms(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))])
