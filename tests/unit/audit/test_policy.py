"""Policies are read as C2SP's tlog-policy says, and nothing else is one."""

import pytest

from audit.proofs.policy import BadPolicy, distrust, parse_policy
from audit.signing.checkpoint import Checkpoint
from audit.signing.notes import COSIGNATURE, BadNote, Note, SigningKey
from audit.verify import ProofRefused, TrustPolicy
from tests.support.vectors import LOG_KEY, ORIGIN

WITNESSES = {
    name: SigningKey(f"{name}.example", bytes([number]) * 32, type=COSIGNATURE)
    for number, name in enumerate(("x1", "x2", "x3", "y1", "y2"), start=1)
}
LINES = "\n".join(f"witness {name} {key.verifier} https://{name}.example/" for name, key in WITNESSES.items())
TWO_LEVELS = f"""
# a comment
log {LOG_KEY} https://chat.example/audit/1/
{LINES}
group x 2 x1 x2 x3
\tgroup  y any y1\ty2
group both all x y
quorum both
"""
TEXT = Checkpoint(ORIGIN, 3, bytes(32)).text


def cosigned(*names: str) -> Note:
    return Note(TEXT, tuple(WITNESSES[name].sign(TEXT, time=7) for name in names))


@pytest.mark.parametrize(
    ("names", "is_enough"),
    [("x1 x2 y1", True), ("x1 x3 y2", True), ("x1 x2 x3", False), ("x1 y1 y2", False), ("x1 x2 x3 y1 y2", True)],
)
def test_a_quorum_of_groups(names: str, is_enough: bool) -> None:
    policy = parse_policy(TWO_LEVELS)
    times = policy.cosigned_at(cosigned(*names.split()))
    assert times == dict.fromkeys(names.split(), 7)
    assert policy.is_satisfied(times) is is_enough


def test_a_quorum_of_one_witness_and_of_none() -> None:
    one = parse_policy(f"{LINES}\nquorum y1\n")
    assert one.is_satisfied({"y1"})
    assert not one.is_satisfied({"y2"})
    assert parse_policy("quorum none").is_satisfied(set())


def test_a_cosignature_that_does_not_fit_is_not_passed_over() -> None:
    altered = Note(TEXT.replace("3", "4"), cosigned("x1").signatures)
    with pytest.raises(BadNote):
        parse_policy(TWO_LEVELS).cosigned_at(altered)


KEY = WITNESSES["x1"].verifier


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"log {LOG_KEY}",
        "quorum none\nquorum none",
        "quorum x",
        "group g any x\nquorum g",
        f"witness none {KEY}\nquorum none",
        f"witness a {KEY}\nwitness b {KEY}\nquorum a",
        f"witness a {KEY}\ngroup a any a\nquorum a",
        f"witness a {KEY}\ngroup g 2 a\nquorum g",
        f"witness a {KEY}\ngroup g 0 a\nquorum g",
        f"witness a {KEY}\ngroup g any a\ngroup h any a\nquorum h",
        f"witness a {LOG_KEY}\nquorum a",
        f"log {KEY}\nquorum none",
        f"log {LOG_KEY}\nlog {LOG_KEY}\nquorum none",
        "anything\nquorum none",
        "group g any\nquorum none",
        "witness a b\nquorum none",
    ],
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(BadPolicy):
        parse_policy(text)


REPLACED = SigningKey(ORIGIN, bytes(32))
SHORT = f"{ORIGIN}+{REPLACED.verifier.id.hex()}"
TWO_KEYS = f"log {REPLACED.verifier}\n#until {SHORT} 7\nlog {LOG_KEY}\nquorum none\n"


@pytest.mark.parametrize(("size", "is_trusted"), [(7, True), (8, False)])
def test_a_key_that_was_replaced_signs_no_larger_tree(size: int, is_trusted: bool) -> None:
    checkpoint = Checkpoint(ORIGIN, size, bytes(32))
    note = Note(checkpoint.text, (REPLACED.sign(checkpoint.text),))
    why = [] if is_trusted else [f"the checkpoint of {ORIGIN} is signed with a key that was replaced"]
    assert [each.partition(",")[0] for each in distrust(note, checkpoint, parse_policy(TWO_KEYS))] == why


@pytest.mark.parametrize("line", ["#until", "#until x 7", f"#until {SHORT}", f"#until {SHORT} x", f"#until {SHORT} 7"])
def test_a_limit_is_read_as_a_line_and_not_as_a_comment(line: str) -> None:
    for broken in (f"{TWO_KEYS}{line}\n", f"{line}\n{TWO_KEYS}"):
        with pytest.raises(BadPolicy):
            parse_policy(broken)
        with pytest.raises(ProofRefused):
            TrustPolicy(broken)  # type: ignore[no-untyped-call]
