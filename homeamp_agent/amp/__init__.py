"""AMP: its panel over HTTP. What lives here speaks AMP; what AMP's answers mean for drift or for
a change request is decided above. Nothing here touches an instance's files.
"""

from __future__ import annotations

from homeamp_agent.amp.client import Amp
from homeamp_agent.amp.errors import (
    AmpAway,
    AmpError,
    AmpInstanceUnknown,
    AmpLoginRefused,
    AmpNoPermission,
    AmpRefused,
)
from homeamp_agent.amp.lifecycle import (
    Lifecycle,
    LifecycleAway,
    LifecycleError,
    NoAmp,
    NoLifecycle,
    PlayersOnline,
)
from homeamp_agent.amp.panel import AmpLifecycle
from homeamp_agent.amp.session import Credentials
from homeamp_agent.amp.words import AmpInstance, AmpStatus, AppState

__all__ = [
    "Amp",
    "AmpAway",
    "AmpError",
    "AmpInstance",
    "AmpInstanceUnknown",
    "AmpLifecycle",
    "AmpLoginRefused",
    "AmpNoPermission",
    "AmpRefused",
    "AmpStatus",
    "AppState",
    "Credentials",
    "Lifecycle",
    "LifecycleAway",
    "LifecycleError",
    "NoAmp",
    "NoLifecycle",
    "PlayersOnline",
]
