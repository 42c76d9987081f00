"""Params and result of every method, by namespace. The OpenRPC document is made from these.

Lists page: `limit` rows after `cursor` (opaque text, None: from the start); a reply's
`next_cursor` is None on the last page.
"""

from __future__ import annotations

from homeamp_agent.model.query import (
    Counts,
    DeviationEvent,
    DeviationFilter,
    DeviationsSort,
    PageParams,
    PluginCount,
    ScopeCount,
)
from homeamp_agent.rpc.protocol.messages.agent import (
    BaselineStatus,
    HelloParams,
    HelloResult,
    RescanParams,
    RescanResult,
    ScanStatus,
    StatusResult,
)
from homeamp_agent.rpc.protocol.messages.backups import (
    BackupDefect,
    BackupRow,
    BackupsListParams,
    BackupsListResult,
    BackupsRestoreParams,
    BackupsRestoreResult,
    BackupsShowParams,
    BackupsShowResult,
    BackupsVerifyResult,
)
from homeamp_agent.rpc.protocol.messages.base import (
    Access,
    MutationParams,
    NoParams,
    Path,
    param_names,
)
from homeamp_agent.rpc.protocol.messages.changes import (
    ChangesListParams,
    ChangesListResult,
    ChangesRollbackParams,
    ChangesRollbackResult,
    ChangesShowParams,
    ChangesShowResult,
)
from homeamp_agent.rpc.protocol.messages.deviations import (
    ChangesPreviewParams,
    ChangesPreviewResult,
    ContextLine,
    DeviationsApproveParams,
    DeviationsCountParams,
    DeviationsCountResult,
    DeviationsFixParams,
    DeviationsFixResult,
    DeviationsFlagParams,
    DeviationsGroupsParams,
    DeviationsGroupsResult,
    DeviationsListParams,
    DeviationsListResult,
    DeviationsReopenParams,
    DeviationsReviewResult,
    DeviationsShowParams,
    DeviationsShowResult,
    Skipped,
)
from homeamp_agent.rpc.protocol.messages.discover import DiscoverResult
from homeamp_agent.rpc.protocol.messages.events import (
    EventNotification,
    EventsSubscribeParams,
    EventsSubscribeResult,
)
from homeamp_agent.rpc.protocol.messages.fleet import (
    HostOverview,
    InstanceRow,
    InstancesListParams,
    InstancesListResult,
    OverviewResult,
)
from homeamp_agent.rpc.protocol.messages.instances import (
    InstanceActOutcome,
    InstancesActParams,
    InstancesActResult,
)
from homeamp_agent.rpc.protocol.messages.rules import RulesExplainParams, RulesExplainResult
from homeamp_agent.rpc.protocol.messages.settings import (
    SettingsHistoryParams,
    SettingsHistoryResult,
)

__all__ = [
    "Access",
    "BackupDefect",
    "BackupRow",
    "BackupsListParams",
    "BackupsListResult",
    "BackupsRestoreParams",
    "BackupsRestoreResult",
    "BackupsShowParams",
    "BackupsShowResult",
    "BackupsVerifyResult",
    "BaselineStatus",
    "ChangesListParams",
    "ChangesListResult",
    "ChangesPreviewParams",
    "ChangesPreviewResult",
    "ChangesRollbackParams",
    "ChangesRollbackResult",
    "ChangesShowParams",
    "ChangesShowResult",
    "ContextLine",
    "Counts",
    "DeviationEvent",
    "DeviationFilter",
    "DeviationsApproveParams",
    "DeviationsCountParams",
    "DeviationsCountResult",
    "DeviationsFixParams",
    "DeviationsFixResult",
    "DeviationsFlagParams",
    "DeviationsGroupsParams",
    "DeviationsGroupsResult",
    "DeviationsListParams",
    "DeviationsListResult",
    "DeviationsReopenParams",
    "DeviationsReviewResult",
    "DeviationsShowParams",
    "DeviationsShowResult",
    "DeviationsSort",
    "DiscoverResult",
    "EventNotification",
    "EventsSubscribeParams",
    "EventsSubscribeResult",
    "HelloParams",
    "HelloResult",
    "HostOverview",
    "InstanceActOutcome",
    "InstanceRow",
    "InstancesActParams",
    "InstancesActResult",
    "InstancesListParams",
    "InstancesListResult",
    "MutationParams",
    "NoParams",
    "OverviewResult",
    "PageParams",
    "Path",
    "PluginCount",
    "RescanParams",
    "RescanResult",
    "RulesExplainParams",
    "RulesExplainResult",
    "ScanStatus",
    "ScopeCount",
    "SettingsHistoryParams",
    "SettingsHistoryResult",
    "Skipped",
    "StatusResult",
    "param_names",
]
