import pytest


@pytest.fixture(autouse=True)
def hash_costs() -> None:
    """Accounts are tried with hashes that cost what they cost in production."""
