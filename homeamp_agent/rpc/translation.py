"""What the rooms raise, as a client understands it. Their texts never hold a setting's value."""

from __future__ import annotations

import errno

from homeamp_agent.changes.errors import (
    BackupMissingError,
    ChangeExistsError,
    ChangesError,
    FileConflictError,
    InstanceBusyError,
    RequestError,
    UnknownChangeError,
    plain_reason,
)
from homeamp_agent.rpc.protocol.errors import (
    Busy,
    Conflict,
    InternalError,
    InvalidParams,
    NotFound,
    Refused,
    RpcError,
    Stopping,
)
from homeamp_agent.store import BadQueryError, StoreClosedError, StoreError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
"""What a person can do something about, and no fault of the agent's."""

_KINDS: tuple[tuple[type[Exception], type[RpcError]], ...] = (
    (BadQueryError, InvalidParams),
    (StoreClosedError, Stopping),
    (StoreError, InternalError),
    (UnknownChangeError, NotFound),
    (BackupMissingError, NotFound),
    (InstanceBusyError, Busy),
    (FileConflictError, Conflict),
    (ChangeExistsError, Conflict),
    (RequestError, InvalidParams),
    (ChangesError, Refused),
)


def as_rpc_error(error: Exception) -> RpcError | None:
    """The error reply for what a room raised; None for what nobody foresaw."""
    for raised, reply in _KINDS:
        if isinstance(error, raised):
            return reply(str(error))
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return InternalError(f"the agent cannot write what it must keep: {plain_reason(error)}")
    return None
