"""`rpc.*`: the agent describes itself."""

from __future__ import annotations

from typing import Any

from pydantic import RootModel


class DiscoverResult(RootModel[dict[str, Any]]):
    """The OpenRPC 1.3 document of this agent."""
