"""What came back over HTTP, made sense of: an answer, or one line saying what is wrong with it.

AMP answers errors with HTTP 200 and a body in one of three shapes, and void methods with no body
at all; what stands in its way (a proxy, another program on its port) answers anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from homeamp_agent.amp.errors import AmpAway, AmpError, AmpNoPermission, AmpRefused

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""The largest list seen, of 40 instances, had 200 KB."""
MAX_TOLD_CHARACTERS = 300
DEAD_SESSION = "session.exists"
PERMISSION = "permission"
UNAVAILABLE = "instance unavailable"
_NO_CONTROL = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")


class DeadSession(AmpError):
    """AMP forgot the session: log in again, once."""


def answer_in(
    where: str, method: str, status: int, body: bytes, hide: Callable[[str], str] = str
) -> Any:
    """The answer in an HTTP body; None for a void method's. `hide` takes secrets out of a text.

    Raises:
        AmpAway: what answered is not AMP, or not now.
        DeadSession: it does not know the session.
        AmpRefused: it said no.
    """
    if status >= 500 or status in {404, 408, 429}:
        raise AmpAway(f"{where} answered {method} with HTTP {status}")
    if 300 <= status < 400:
        raise AmpAway(f"{where} answered {method} with a redirect: set amp.url to where it leads")
    try:
        answer = _json(body)
    except (ValueError, RecursionError):
        if status in {401, 403}:
            raise DeadSession(f"{where} does not know the session") from None
        raise AmpAway(
            f"{where} answered {method} with something that is not JSON: is it AMP?"
        ) from None
    complaint = _complaint(answer, hide)
    if complaint is None and status in {401, 403}:
        raise DeadSession(f"{where} does not know the session")
    if complaint is None and status >= 400:
        raise AmpAway(f"{where} answered {method} with HTTP {status}")
    if complaint is not None:
        raise _error_of(f"{where}: {method}: {complaint}", complaint)
    return answer


def one_line(text: str) -> str:
    """Somebody else's text as one bounded line that can be shown anywhere."""
    line = " ".join(text.translate(_NO_CONTROL).split())
    line = line.encode("utf-8", "replace").decode("utf-8")
    rest = len(line) - MAX_TOLD_CHARACTERS
    return line if rest <= 0 else f"{line[:MAX_TOLD_CHARACTERS]}… ({rest:,} more)"


def _json(body: bytes) -> Any:
    text = body.decode("utf-8-sig").strip()
    # NaN and Infinity are no JSON, and no figure either.
    return json.loads(text, parse_constant=lambda _: None) if text else None


def _complaint(answer: Any, hide: Callable[[str], str]) -> str | None:
    """What AMP complains of, where the answer is one of its three shapes of error.

    Secrets are hidden in the whole text: cut or made one line, it may hold a part of one.
    """
    if isinstance(answer, dict):
        if "Title" in answer and "Message" in answer:
            return one_line(hide(f"{answer['Title']}: {answer['Message']}"))
        if answer.get("Status") is False:
            return one_line(hide(str(answer.get("Reason") or "refused without a reason")))
    if isinstance(answer, str):
        low = answer.lower()
        if any(sign in low for sign in (DEAD_SESSION, PERMISSION, UNAVAILABLE)):
            return one_line(hide(answer))
    return None


def _error_of(sentence: str, complaint: str) -> AmpError:
    low = complaint.lower()
    if DEAD_SESSION in low:
        return DeadSession(sentence)
    if UNAVAILABLE in low:
        return AmpAway(sentence)
    if PERMISSION in low:
        return AmpNoPermission(sentence)
    return AmpRefused(sentence)
