"""One function per method, a module per namespace. Each asks the rooms and decides nothing itself.

Registry(all_methods())
"""

from __future__ import annotations

from typing import Any

from homeamp_agent.rpc.registry import Method


def all_methods() -> tuple[Method[Any], ...]:
    """Every method the agent answers."""
    from homeamp_agent.rpc.methods import (  # noqa: PLC0415 - they import much, a client nothing
        agent,
        approvals,
        backups,
        changes,
        deployments,
        deviations,
        events,
        fleet,
        history,
        instances,
        requests,
        rolling_back,
        rpc,
        rules,
        ruling,
        settings,
    )

    return (
        *agent.METHODS,
        *approvals.METHODS,
        *backups.METHODS,
        *changes.METHODS,
        *deployments.METHODS,
        *deviations.METHODS,
        *events.METHODS,
        *fleet.METHODS,
        *history.METHODS,
        *instances.METHODS,
        *requests.METHODS,
        *rolling_back.METHODS,
        *rpc.METHODS,
        *rules.METHODS,
        *ruling.METHODS,
        *settings.METHODS,
    )
