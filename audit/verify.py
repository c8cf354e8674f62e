#!/usr/bin/env python3
"""Check a proof file of an onrecord log offline, with nothing but Python's standard library.

    python3 verify.py message.tlog-proof --policy policy.txt

The policy (C2SP tlog-policy) names the key of the log and, if you want some, witnesses. This script reads the proof
(C2SP tlog-proof), checks the signatures below the checkpoint, follows the path from the entry to the signed root (RFC
6962), and then shows what the entry stands for. It ends with 0 when all of it holds, and with 1 and a reason otherwise.

What that shows: this was recorded in this place of the log, by this account, and not altered since the time given.
What it does not show: that it was the last thing said, that the account's owner typed it, or what came before.
"""

import argparse
import base64
import hashlib
import json
import sys
import uuid
from datetime import UTC, datetime

# ---- Ed25519 (RFC 8032, section 5.1): verification only, in affine terms of the curve -x^2 + y^2 = 1 + d x^2 y^2

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add(a, b):
    """The sum of two points, each (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z."""
    one, two = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    three, four = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = two - one, four - three, four + three, two + one
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(number, point):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def decompress(raw):
    """The point that 32 bytes stand for. Raises ValueError."""
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise ValueError("not a point of the curve")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_fits(public, signature, message):
    """Whether the signature of the message was made with the key."""
    try:
        key, r = decompress(public), decompress(signature[:32])
    except ValueError:
        return False
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    left, right = multiply(s, BASE), add(r, multiply(challenge, key))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# ---- Refusals, and reading base64 and numbers without leniency


class ProofRefused(Exception):
    """The proof does not hold; the text says why."""


def decoded(text, what):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ProofRefused(f"{what} is not base64") from None


def number(text, what):
    if not (text.isascii() and text.isdigit()) or (text != "0" and text[0] == "0"):
        raise ProofRefused(f"{what} is not a number")
    return int(text)


# ---- Keys, notes and policies (C2SP signed-note, tlog-cosignature, tlog-policy)

LOG, COSIGNATURE = 1, 4


class TrustedKey:
    def __init__(self, text):
        parts = text.split("+", 2)
        raw = decoded(parts[2], f"the key {text}") if len(parts) == 3 else b""
        if len(raw) != 33 or raw[0] not in (LOG, COSIGNATURE):
            raise ProofRefused(f"the policy: {text} is not a key")
        self.name, self.type, self.public = parts[0], raw[0], raw[1:]
        self.id = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        self.short = f"{self.name}+{self.id.hex()}"
        if self.id.hex() != parts[1]:
            raise ProofRefused(f"the policy: the key of {self.name} has another id")

    def time_of(self, text, signatures):
        """When this key signed (0 for a log's); None where it did not. Raises ProofRefused if a signature is wrong."""
        found = None
        for raw in [raw for name, key_id, raw in signatures if (name, key_id) == (self.name, self.id)]:
            time, signature, message = 0, raw, text.encode()
            if self.type == COSIGNATURE:
                time, signature = int.from_bytes(raw[:8], "big"), raw[8:]
                message = f"cosignature/v1\ntime {time}\n{text}".encode()
            if not ed25519_fits(self.public, signature, message):
                raise ProofRefused(f"the signature of {self.name} does not fit")
            found = time if found is None else found
        return found


class TrustPolicy:
    def __init__(self, text):
        self.logs, self.until, self.witnesses, self.groups, self.quorum = [], {}, {}, {}, None
        for line in text.split("\n"):
            words = [word for word in line.replace("\t", " ").split(" ") if word]
            if words and (words[0] == "#until" or not words[0].startswith("#")):
                self.read(words)
        if self.quorum is None:
            raise ProofRefused("the policy: no line `quorum`")

    def read(self, words):
        known = self.witnesses.keys() | self.groups.keys()
        kind, rest = words[0], words[1:]
        if kind == "log" and len(rest) in (1, 2) and TrustedKey(rest[0]).type == LOG:
            self.logs.append(TrustedKey(rest[0]))
        elif kind == "#until" and len(rest) == 2 and rest[0] in {log.short for log in self.logs} - {*self.until}:
            self.until[rest[0]] = number(rest[1], "the policy: a size")  # ours: this key was replaced then
        elif kind == "witness" and len(rest) in (2, 3) and rest[0] not in known:
            self.witnesses[rest[0]] = TrustedKey(rest[1])
            if self.witnesses[rest[0]].type != COSIGNATURE:
                raise ProofRefused(f"the policy: the key of {rest[0]} is not the key of a witness")
        elif kind == "group" and len(rest) > 2 and rest[0] not in known and set(rest[2:]) <= known:
            least = {"any": 1, "all": len(rest) - 2}.get(rest[1]) or number(rest[1], "the policy: a threshold")
            self.groups[rest[0]] = (least, rest[2:])
        elif kind == "quorum" and len(rest) == 1 and self.quorum is None and rest[0] in known | {"none"}:
            self.quorum = rest[0]
        else:
            raise ProofRefused(f"the policy: {' '.join(words)!r} is none of its lines")

    def has(self, name, cosigned):
        if name not in self.groups:
            return name == "none" or name in cosigned
        least, members = self.groups[name]
        return sum(self.has(member, cosigned) for member in members) >= least


def read_note(text):
    """The text of a note, and its signatures as (name, key id, signature)."""
    head, separator, tail = text.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise ProofRefused("the checkpoint has no signature")
    signatures = []
    for line in tail[:-1].split("\n"):
        words = line.split(" ")
        if len(words) != 3 or words[0] != "\u2014":
            raise ProofRefused("a line below the checkpoint is not a signature")
        raw = decoded(words[2], "a signature")
        signatures.append((words[1], raw[:4], raw[4:]))
    return head + "\n", signatures


# ---- The tree (RFC 6962, section 2.1) and the opening of its entry


def root_of(leaf, index, size, path):
    """Follow the path from a leaf to the root."""
    inner = (index ^ (size - 1)).bit_length()
    if len(path) != inner + bin(index >> inner).count("1"):
        raise ProofRefused("the path does not have the length that index and size ask for")
    for level, sibling in enumerate(path):
        is_right = level >= inner or index >> level & 1
        leaf = hashlib.sha256(b"\x01" + (sibling + leaf if is_right else leaf + sibling)).digest()
    return leaf


def entry_of(opening, state):
    """The bytes that the leaf is the hash of."""
    topic = opening["topic"].encode()
    if len(topic) > 65000:
        topic = hashlib.sha256(topic).digest()
    place = opening["position"].to_bytes(8, "big") + uuid.UUID(opening["stream"]).bytes
    place += opening["version"].to_bytes(8, "big")
    return b"\x01" + place + len(topic).to_bytes(2, "big") + topic + hashlib.sha256(state).digest()


def words_of(opening, fields):
    """The words in quotes, checked against the commitment in the log; a sentence where there are none."""
    sealed, body = fields.get("sealed"), opening.get("body")
    if body is None:
        if sealed is not None:
            return "(the words are not in this file: erased, or withheld)"
        plain = fields.get("content", fields.get("name"))
        return "(no words)" if plain is None else json.dumps(plain, ensure_ascii=False)
    try:
        content, salt, client_id = body["content"].encode(), decoded(body["salt"], "the salt"), body.get("client_id")
        end = b"\x00" if client_id is None else b"\x01" + client_id.encode()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ProofRefused("the words in the file are not a text") from None
    committed = b"onrecord/body/v1\x00" + salt + len(content).to_bytes(8, "big") + content + end
    if len(salt) != 32 or base64.b64encode(hashlib.sha256(committed).digest()).decode() != sealed:
        raise ProofRefused("the words are not those that the log holds a commitment to")
    return json.dumps(body["content"], ensure_ascii=False)


def check(proof, policy):
    """Lines that say what the proof shows, in printable characters only. Raises ProofRefused."""
    head, separator, checkpoint = proof.partition("\n\n")
    lines = head.split("\n")
    if lines.pop(0) != "c2sp.org/tlog-proof@v1" or not separator:
        raise ProofRefused("this is not a proof file (statements of heads: `onrecord audit verify`)")
    extras = [lines.pop(0)[6:] for line in list(lines) if line.startswith("extra ")]
    if len(extras) != 1:
        raise ProofRefused("the file has no opening" if not extras else "the file has two openings")
    if not lines or not lines[0].startswith("index "):
        raise ProofRefused("the file has no index")
    index = number(lines.pop(0)[6:], "the index")
    path = [decoded(line, "a hash of the path") for line in lines]
    text, signatures = read_note(checkpoint)
    origin, size, root, *_ = [*text.split("\n"), "", ""]
    size, root = number(size or "-", "the size of the tree"), decoded(root, "the root")
    if index >= size:
        raise ProofRefused(f"index {index} is outside a tree of {size}")
    logs = [log for log in policy.logs if log.name == origin]
    if not logs:
        raise ProofRefused(f"the checkpoint is of the log {origin}, which the policy does not name")
    signed = [log.short for log in logs if log.time_of(text, signatures) is not None]
    if not signed:
        raise ProofRefused("the checkpoint is not signed with a key of the log that the policy names")
    if all(size > policy.until.get(key, size) for key in signed):
        raise ProofRefused(f"the checkpoint is signed with a key that was replaced, and its tree of {size} came later")
    cosigned = {name: at for name, key in policy.witnesses.items() if (at := key.time_of(text, signatures)) is not None}
    if not policy.has(policy.quorum, cosigned):
        raise ProofRefused("the checkpoint lacks cosignatures that the policy asks for")
    try:
        opening = json.loads(decoded(extras[0], "the opening"))
        state = decoded(opening["state"], "the state")
        leaf = hashlib.sha256(b"\x00" + entry_of(opening, state)).digest()
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise ProofRefused("the opening is not one of an entry") from None
    if root_of(leaf, index, size, path) != root:
        raise ProofRefused("the entry is not in the tree of this checkpoint, at this index")
    lines = describe(opening, state, index, size, origin, cosigned)
    return ["".join(each if each.isprintable() else ascii(each)[1:-1] for each in line) for line in lines]


def describe(opening, state, index, size, origin, cosigned):
    try:
        fields = json.loads(state)
        time = fields["timestamp"]["_data_"]
    except (ValueError, KeyError, TypeError):
        fields, time = {}, "(the state is not one of ours)"
    who = next((fields[name] for name in ("user_id", "opened_by", "erased_by") if name in fields), "-")
    yield f"kind      {opening['topic']}"
    yield f"who       user {who}"
    yield f"when      {time}"
    yield f"room      {uuid.UUID(opening['stream'])}, version {opening['version']}"
    yield f"place     position {opening['position']}, entry {index} of {size} in {origin}"
    yield from (f"seen by   {name}, {datetime.fromtimestamp(at, UTC).isoformat()}" for name, at in cosigned.items())
    yield f"words     {words_of(opening, fields)}"


def main():
    parser = argparse.ArgumentParser(description="Check a proof file of an onrecord log offline.")
    parser.add_argument("file")
    parser.add_argument("--policy", required=True, help="a file: the keys that you trust")
    options = parser.parse_args()
    try:
        with open(options.file, encoding="utf-8") as proof, open(options.policy, encoding="utf-8") as policy:
            lines = check(proof.read(), TrustPolicy(policy.read()))
        print("\n".join(["VERIFIED", *lines]), flush=True)
    except BrokenPipeError:  # the reader closed the pipe
        sys.stdout = None
    except (ProofRefused, OSError, UnicodeDecodeError) as error:
        print(f"REFUSED   {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
