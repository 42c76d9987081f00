"""One login at one door (the panel, or one instance behind its proxy) and calls through it.

AMP forgets sessions after some idle minutes and throttles repeated bad logins; both are dealt with
here, once. Passwords, tokens and session ids stay here: no error and no `repr` holds one.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homeamp_agent.amp.answers import MAX_ANSWER_BYTES, DeadSession, answer_in, one_line
from homeamp_agent.amp.errors import AmpAway, AmpError, AmpLoginRefused, AmpRefused
from homeamp_agent.amp.words import EMPTY_GUID, LOGIN_RESULTS, LOGIN_SERVER_AWAY

if TYPE_CHECKING:
    import httpx

TRIES = 3
"""How often a call is sent when the panel does not answer."""
BACK_OFF_SECONDS = 0.5
"""The wait before the second try; doubled before each further one, give or take a half."""
FIRST_PAUSE_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 900.0
"""After a refused login nobody knocks for this long, doubled each time: AMP locks out who does."""
DOUBLINGS = 5
"""From the first pause to the longest: a password may be wrong for months."""
HIDDEN = "•••"

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
    two_factor: Callable[[], str] | None = field(default=None, repr=False)


@dataclass(slots=True)
class Session:
    """Logs in when needed, once for all callers that wait, and again when AMP forgot us.

    `base` is the URL below which `API/Module/Method` stands; `name` is what errors call this door.
    """

    http: httpx.AsyncClient
    base: str
    credentials: Credentials
    name: str
    timeout_seconds: float
    back_off_seconds: float = BACK_OFF_SECONDS
    _id: str = field(default="", repr=False)
    _remember: str = field(default="", repr=False)
    _login: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    _refusal: AmpLoginRefused | None = field(default=None, repr=False)
    _refusals: int = field(default=0, repr=False)
    _knock_again_at: float = field(default=0.0, repr=False)

    async def call(self, method: str, **parameters: Any) -> Any:
        """The answer of `Module/Method`; None for a void one.

        Raises:
            AmpAway: no answer, in `TRIES` tries.
            AmpRefused: AMP said no.
        """
        session = await self._session()
        try:
            return await self._send(method, parameters, session)
        except DeadSession:
            pass
        try:
            return await self._send(method, parameters, await self._session(dead=session))
        except DeadSession as error:
            raise AmpRefused(f"{self.name} forgot the session right after the login") from error

    async def _session(self, dead: str | None = None) -> str:
        async with self._login:
            if not self._id or self._id == dead:
                self._id = ""
                self._id = await self._log_in()
            return self._id

    async def _log_in(self) -> str:
        now = asyncio.get_running_loop().time()
        if self._refusal is not None and now < self._knock_again_at:
            raise AmpLoginRefused(str(self._refusal), self._refusal.result)
        if self._remember:
            try:
                return await self._try_login("", self._remember)
            except AmpLoginRefused:
                self._remember = ""
        code = self.credentials.two_factor() if self.credentials.two_factor else ""
        try:
            session = await self._try_login(self.credentials.password, code)
        except AmpLoginRefused as error:
            if error.result != LOGIN_SERVER_AWAY:
                doubled = 2.0 ** min(self._refusals, DOUBLINGS)
                pause = min(FIRST_PAUSE_SECONDS * doubled, LONGEST_PAUSE_SECONDS)
                self._refusal, self._knock_again_at = error, now + pause
                self._refusals += 1
            raise
        self._refusal, self._refusals = None, 0
        return session

    async def _try_login(self, password: str, token: str) -> str:
        refused = f"{self.name} refused the login of {self.credentials.username}"
        try:
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
        except DeadSession as error:
            raise AmpLoginRefused(f"{refused}: it wants a session first: is it AMP?") from error
        except AmpRefused as error:
            raise AmpLoginRefused(str(error)) from None
        fields = answer if isinstance(answer, dict) else {}
        session = fields.get("sessionID")
        good = fields.get("success") is True and isinstance(session, str)
        if good and session not in {"", EMPTY_GUID}:
            self._remember = str(fields.get("rememberMeToken") or "")
            return str(session)
        code = fields.get("result")
        number = code if isinstance(code, int) and not isinstance(code, bool) else None
        reason = LOGIN_RESULTS.get(-1 if number is None else number, "no reason given")
        raise AmpLoginRefused(f"{refused}: {reason}", number)

    async def _send(self, method: str, parameters: dict[str, Any], session: str) -> Any:
        import httpx  # noqa: PLC0415  (as in `Amp`)

        body = dict(parameters)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if session:
            headers["Authorization"] = f"Bearer {session}"
            body["SESSIONID"] = session
        away = AmpAway(f"{self.name} does not answer")
        for attempt in range(TRIES):
            try:
                status, answer = await self._post(f"{self.base}/API/{method}", body, headers)
                return answer_in(self.name, method, status, answer, self._hidden)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                away = AmpAway(f"{self.name} cannot be reached: {_named(error)}")
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                away = AmpAway(f"{self.name} did not answer {method}: {_named(error)}")
                if method not in SAFE_TO_REPEAT:
                    break
            except AmpAway as error:
                away = error
                if method not in SAFE_TO_REPEAT:
                    break
            except AmpError as error:
                raise self._without_secrets(error) from None
            if attempt + 1 < TRIES:
                await asyncio.sleep(self._pause(attempt))
        raise self._without_secrets(away)

    async def _post(
        self, url: str, body: dict[str, Any], headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """Status and bytes of the answer; the whole within the time-out, and bounded."""
        async with (
            asyncio.timeout(self.timeout_seconds),
            self.http.stream("POST", url, json=body, headers=headers) as response,
        ):
            received = bytearray()
            async for chunk in response.aiter_raw():
                received += chunk
                if len(received) > MAX_ANSWER_BYTES:
                    raise AmpAway(
                        f"{self.name} answered with more than {MAX_ANSWER_BYTES // 1024**2} MiB: "
                        "is it AMP?"
                    )
            return response.status_code, bytes(received)

    def _pause(self, attempt: int) -> float:
        spread = random.uniform(0.5, 1.5)  # noqa: S311 - spreads agents out, hides nothing
        return self.back_off_seconds * 2.0**attempt * spread

    def _without_secrets(self, error: AmpError) -> AmpError:
        """AMP's own words may repeat what it was sent."""
        told = self._hidden(str(error))
        if told == str(error):
            return error
        code = error.result if isinstance(error, AmpLoginRefused) else None
        return AmpLoginRefused(told, code) if code is not None else type(error)(told)

    def _hidden(self, text: str) -> str:
        for secret in (self.credentials.password, self._id, self._remember):
            # In what AMP takes for text of another kind it stands as JSON or Python write it.
            for shape in {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]} - {""}:
                text = text.replace(shape, HIDDEN)
        return text


def _named(error: Exception) -> str:
    return one_line(str(error)) or type(error).__name__
