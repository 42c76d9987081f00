"""One login at one door (the panel, or one instance behind its proxy) and calls through it.

AMP answers errors with HTTP 200 and a body of its own shape, void methods with no body at all, and
forgets sessions after some idle minutes; all of that is dealt with here, once.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from homeamp_agent.amp.errors import AmpAway, AmpError, AmpLoginRefused, AmpNoPermission, AmpRefused
from homeamp_agent.amp.words import EMPTY_GUID, LOGIN_RESULTS

TRIES = 3
"""How often a call is sent when the panel does not answer."""
BACK_OFF_SECONDS = 0.5
"""The wait before the second try; doubled before each further one."""
LOGIN_TOKEN_REJECTED = 1
DEAD_SESSION = "session.exists"
PERMISSION = "permission"
UNAVAILABLE = "instance unavailable"

SAFE_TO_REPEAT = frozenset(
    {
        "Core/Login",
        "Core/GetStatus",
        "Core/GetUpdates",
        "Core/GetConfig",
        "ADSModule/GetInstances",
        "LocalFileBackupPlugin/GetBackups",
    }
)
"""Calls that may be sent again when it is not known whether the first one arrived."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An AMP account. `two_factor` is asked for the current TOTP code at each login."""

    username: str
    password: str = field(repr=False)
    two_factor: Any = field(default=None, repr=False)


@dataclass(slots=True)
class Session:
    """Logs in when needed, once for all callers that wait, and again when AMP forgot us.

    `base` is the URL below which `API/Module/Method` stands.
    """

    http: httpx.AsyncClient
    base: str
    credentials: Credentials
    back_off_seconds: float = BACK_OFF_SECONDS
    _id: str = field(default="", repr=False)
    _remember: str = field(default="", repr=False)
    _login: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def call(self, method: str, **parameters: Any) -> Any:
        """The answer of `Module/Method`; None for a void one.

        Raises:
            AmpAway: no answer, in `TRIES` tries.
            AmpRefused: AMP said no.
        """
        session = await self._session()
        try:
            return await self._send(method, parameters, session)
        except _DeadSession:
            return await self._send(method, parameters, await self._session(dead=session))

    async def _session(self, dead: str | None = None) -> str:
        async with self._login:
            if not self._id or self._id == dead:
                self._id = await self._log_in()
            return self._id

    async def _log_in(self) -> str:
        if self._remember:
            try:
                return await self._try_login("", self._remember)
            except AmpLoginRefused:
                self._remember = ""
        code = self.credentials.two_factor() if self.credentials.two_factor else ""
        return await self._try_login(self.credentials.password, code)

    async def _try_login(self, password: str, token: str) -> str:
        answer = await self._send(
            "Core/Login",
            {
                "username": self.credentials.username,
                "password": password,
                "token": token,
                "rememberMe": True,
            },
            session="",
        )
        fields = answer if isinstance(answer, dict) else {}
        session = fields.get("sessionID")
        if fields.get("success") is True and session and session != EMPTY_GUID:
            self._remember = str(fields.get("rememberMeToken") or "")
            return str(session)
        code = fields.get("result")
        reason = LOGIN_RESULTS.get(code if isinstance(code, int) else -1, "no reason given")
        raise AmpLoginRefused(
            f"AMP at {self.base} refused the login of {self.credentials.username}: {reason}",
            code if isinstance(code, int) else None,
        )

    async def _send(self, method: str, parameters: dict[str, Any], session: str) -> Any:
        body = dict(parameters)
        headers = {"Accept": "application/json"}
        if session:
            headers["Authorization"] = f"Bearer {session}"
            body["SESSIONID"] = session
        tries = TRIES if method in SAFE_TO_REPEAT else 1
        for attempt in range(tries):
            try:
                response = await self.http.post(
                    f"{self.base}/API/{method}", json=body, headers=headers
                )
                return self._answer(method, response)
            except httpx.ConnectError as error:
                away = AmpAway(f"AMP at {self.base} cannot be reached: {error}")
            except httpx.HTTPError as error:
                away = AmpAway(f"AMP at {self.base} did not answer {method}: {_named(error)}")
            except AmpAway as error:
                away = error
            if attempt + 1 < tries:
                await asyncio.sleep(self.back_off_seconds * 2**attempt)
        raise away

    def _answer(self, method: str, response: httpx.Response) -> Any:
        text = response.text.strip()
        if response.status_code >= 500 or response.status_code in {404, 408, 429}:
            raise AmpAway(f"AMP at {self.base} answered {method} with HTTP {response.status_code}")
        try:
            answer = json.loads(text) if text else None
        except ValueError:
            if response.status_code in {401, 403}:
                raise _DeadSession(method) from None
            raise AmpAway(
                f"{self.base} answered {method} with something that is not JSON: is it AMP?"
            ) from None
        complaint = _complaint(answer)
        if complaint is None and response.status_code in {401, 403}:
            raise _DeadSession(method)
        if complaint is not None:
            raise _error_of(f"AMP at {self.base}: {method}: {complaint}", complaint)
        return answer


class _DeadSession(AmpError):
    """AMP forgot the session: log in again, once."""


def _complaint(answer: Any) -> str | None:
    """What AMP complains of, where the answer is one of its three shapes of error."""
    if isinstance(answer, dict):
        if "Title" in answer and "Message" in answer:
            return f"{answer['Title']}: {answer['Message']}"
        if answer.get("Status") is False:
            return str(answer.get("Reason") or "refused without a reason")
    if isinstance(answer, str) and (DEAD_SESSION in answer.lower() or PERMISSION in answer.lower()):
        return answer
    return None


def _error_of(sentence: str, complaint: str) -> AmpError:
    low = complaint.lower()
    if DEAD_SESSION in low:
        return _DeadSession(sentence)
    if UNAVAILABLE in low:
        return AmpAway(sentence)
    if PERMISSION in low:
        return AmpNoPermission(sentence)
    return AmpRefused(sentence)


def _named(error: Exception) -> str:
    return str(error) or type(error).__name__
