"""Deployments carried out: planned in waves, written through the desk, looked at, taken back.

What lives here: waiting, asking and running. What may not: deciding what comes next
(`changes.deployment`), and writing (`changes`).
"""

from __future__ import annotations

from homeamp_agent.rpc.deploying.planning import Asked, PlannedDeployment, plan_deployment
from homeamp_agent.rpc.deploying.runner import Deployments
from homeamp_agent.rpc.deploying.wiring import deployments_of

__all__ = ["Asked", "Deployments", "PlannedDeployment", "deployments_of", "plan_deployment"]
