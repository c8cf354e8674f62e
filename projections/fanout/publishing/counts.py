"""What the lanes of a process did."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    """What the lanes of a process did. Publications are counted per channel, `left_out` per cold member."""

    publications: int = 0
    left_out: int = 0
    retries: int = 0
    dead_letters: int = 0
