"""The secret that a key is made of: 32 random bytes in a file of their own, as 64 hex digits."""

import os
import secrets
from pathlib import Path

SEED_BYTES = 32


def read_seed(file: Path, *, generates: bool) -> bytes | None:
    """The secret in a file; None where there is no file, unless it is to be generated.

    Raises OSError, and ValueError for a file that is damaged.
    """
    if not file.exists():
        if not generates:
            return None
        _generate(file)
    seed = bytes.fromhex(file.read_text(encoding="ascii").strip())
    if len(seed) != SEED_BYTES:
        raise ValueError(f"it has {len(seed)} bytes, not {SEED_BYTES}")
    return seed


def _generate(file: Path) -> None:
    """Atomically; the first of several processes wins."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
            out.write(f"{secrets.token_hex(SEED_BYTES)}\n")
            out.flush()
            os.fsync(out.fileno())
        os.link(fresh, file)
    except FileExistsError:
        pass
    finally:
        fresh.unlink(missing_ok=True)
