"""The agent's memory in SQLite: deviations and their history, scans, parsed files, answered calls.

What lives here: SQL and nothing but. What may not: a secret in the clear, and anything that cannot
be had again from the files, the baselines and the journal (history aside).

    store = await open_store(state_folder)
    page = await list_deviations(store, DeviationFilter(text="luckperms !kind:type"))
"""

from __future__ import annotations

from homeamp_agent.store.database import DATABASE_NAME, Store, open_store
from homeamp_agent.store.deviations import (
    Reconciled,
    Review,
    Reviewed,
    Seen,
    reconcile,
    release_fixing,
    review,
)
from homeamp_agent.store.errors import (
    BadQueryError,
    StoreClosedError,
    StoreError,
    StoreNewerError,
    StoreWriteError,
)
from homeamp_agent.store.listing import (
    DeviationPage,
    GroupPage,
    Tally,
    count_deviations,
    get_deviations,
    group_deviations,
    history_of,
    list_deviations,
    tally,
)

__all__ = [
    "DATABASE_NAME",
    "BadQueryError",
    "DeviationPage",
    "GroupPage",
    "Reconciled",
    "Review",
    "Reviewed",
    "Seen",
    "Store",
    "StoreClosedError",
    "StoreError",
    "StoreNewerError",
    "StoreWriteError",
    "Tally",
    "count_deviations",
    "get_deviations",
    "group_deviations",
    "history_of",
    "list_deviations",
    "open_store",
    "reconcile",
    "release_fixing",
    "review",
    "tally",
]
