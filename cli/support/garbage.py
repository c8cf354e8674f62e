"""How often the collector of cyclic garbage runs in a process that answers requests."""

import gc

GARBAGE = 20_000
"""Allocations between two collections of the youngest generation: some hundreds of requests."""


def collect_garbage_less_often() -> None:
    """Reference counts free nearly all that a request allocates; code never becomes garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 20)
