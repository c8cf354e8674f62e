"""Durations as Go writes them, and so Centrifugo's configuration."""

import re

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)", re.ASCII)
_WHOLE = re.compile(rf"(?:{_PART.pattern})+|0", re.ASCII)


class Duration(float):
    """Seconds."""

    @classmethod
    def parse(cls, value: object) -> "Duration":
        """`300ms`, `25s`, `1h30m`; an integer is nanoseconds. Raises ValueError for anything else."""
        if isinstance(value, int) and not isinstance(value, bool):
            return cls(value / 1e9)
        if not isinstance(value, str) or not _WHOLE.fullmatch(value):
            raise ValueError(f"not a duration such as 300ms, 25s or 1h30m: {value!r}")
        return cls(sum(float(amount) * _SECONDS[unit] for amount, unit in _PART.findall(value)))
