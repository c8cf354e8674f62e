"""Whether a statement of heads is to be trusted, by a policy alone."""

from dataclasses import dataclass

from audit.heads.statement import Heads, HeadsFile
from audit.proofs.policy import Policy, distrust
from audit.signing.key_limits import why_not_signed


class HeadsRefused(Exception):
    """The statement is not to be trusted; the text says why."""


@dataclass(frozen=True, slots=True)
class TrustedHeads:
    """What is stated; when it was, and when its checkpoint was cosigned, by name of the policy, in s since 1970."""

    heads: Heads
    stated_at: dict[str, int]
    cosigned_at: dict[str, int]


def trusted_heads(file: HeadsFile, policy: Policy) -> TrustedHeads:
    """What a file states. Raises HeadsRefused, and BadNote for what is none or carries a wrong signature."""
    heads = file.heads
    if reasons := distrust(file.checkpoint, heads.checkpoint, policy):
        raise HeadsRefused(reasons[0])
    keys = policy.keys_of(heads.checkpoint.origin)
    if (why := why_not_signed(file.statement, heads.checkpoint.size, keys)) is not None:
        raise HeadsRefused(f"the statement {why}")
    return TrustedHeads(heads, policy.cosigned_at(file.statement), policy.cosigned_at(file.checkpoint))
