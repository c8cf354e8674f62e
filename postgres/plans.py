"""Statements that are planned once: for many joins and few rows, planning takes several times as long as the answer."""


def unseen(parameter: str) -> str:
    """SQL: a parameter whose value the planner does not see, as `$1::uuid[]`.

    With its value, a plan for this one call looks a little cheaper than one for all calls, and PostgreSQL makes a new
    one every time.
    """
    return f"(SELECT {parameter})"
