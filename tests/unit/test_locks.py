"""Advisory locks of one database are told apart by their numbers alone."""

from postgres import locks


def test_no_two_locks_have_the_same_number() -> None:
    numbers = [(lock.group, lock.number) for lock in vars(locks).values() if isinstance(lock, locks.AdvisoryLock)]
    numbers += [(lane.group, lane.number) for lane in (locks.lane(0), locks.lane(1))]
    assert len(numbers) == len(set(numbers)) > 5
