"""Asks one witness for its cosignature. Source: C2SP tlog-witness, add-checkpoint."""

from dataclasses import dataclass

import aiohttp

from audit.http_body import BodyTooLong, read_body
from audit.proofs.policy import Witness
from audit.signing.notes import BadNote, Note, Signature, parse_signatures
from audit.witnesses.submission import Submission, parse_size

ADD_CHECKPOINT = "add-checkpoint"
LONGEST_ANSWER = 1 << 16


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The witness signed. `time`: when, by its clock, in seconds since 1970."""

    signatures: tuple[Signature, ...]
    time: int


@dataclass(frozen=True, slots=True)
class OtherSize:
    """The witness saw another tree last than the submission says: one of `size` leaves."""

    size: int


@dataclass(frozen=True, slots=True)
class NotCosigned:
    """The witness did not sign; `why` in one line."""

    why: str


Answer = Cosigned | OtherSize | NotCosigned


async def add_checkpoint(witness: Witness, submission: Submission, http: aiohttp.ClientSession) -> Answer:
    """Submit a checkpoint. What the network does wrong is a NotCosigned as well."""
    try:
        async with http.post(
            f"{witness.url.rstrip('/')}/{ADD_CHECKPOINT}", data=str(submission).encode(), allow_redirects=False
        ) as response:
            body = (await read_body(response, LONGEST_ANSWER)).decode(errors="replace")
            return _answer(witness, submission.checkpoint, response.status, body)
    except aiohttp.ClientError as error:
        return NotCosigned(f"it cannot be reached ({type(error).__name__})")
    except BodyTooLong as error:
        return NotCosigned(f"its answer cannot be used: {error}")


def _answer(witness: Witness, checkpoint: Note, status: int, body: str) -> Answer:
    try:
        match status:
            case 200:
                return _cosigned(witness, checkpoint, body)
            case 409:
                return OtherSize(parse_size(body.removesuffix("\n")))
            case 403 | 404:
                return NotCosigned(f"it does not know this log or its key ({status})")
            case 422:
                return NotCosigned("to it, the tree does not continue the one that it saw (422)")
            case _:
                return NotCosigned(f"it answered {status}")
    except BadNote as error:
        return NotCosigned(f"its answer cannot be used: {error}")


def _cosigned(witness: Witness, checkpoint: Note, body: str) -> Cosigned:
    """The signatures by the key that the policy names; others are passed over. Raises BadNote."""
    key = witness.key
    own = tuple(each for each in parse_signatures(body) if (each.name, each.key_id) == (key.name, key.id))
    time = Note(checkpoint.text, own).signed_at(key)
    if not time:
        raise BadNote("there is no signature of its key, with a time, in it")
    return Cosigned(own, time)
