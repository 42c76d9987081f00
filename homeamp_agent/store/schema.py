"""The tables, and how an older database becomes one of today.

`PRAGMA user_version` counts the migrations that a database has been through. A released migration
never changes: a new one is added below, with a database of the release before it in `tests/store`.
"""

from __future__ import annotations

import aiosqlite

from homeamp_agent.store.errors import StoreNewerError

# `place` is host, instance, plugin, file, key and id joined by U+001F: one column to break ties and
# to page by. Text columns hold '' for "none", so that they sort and compare.
_FIRST = """
CREATE TABLE deviations (
    id TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    instance TEXT NOT NULL,
    plugin TEXT NOT NULL,
    file TEXT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    severity INTEGER NOT NULL,
    status TEXT NOT NULL,
    open INTEGER NOT NULL AS (status IN ('pending', 'flagged', 'fixing')) STORED,
    pattern TEXT NOT NULL,
    rule TEXT NOT NULL,
    group_id TEXT NOT NULL,
    place TEXT NOT NULL,
    search TEXT NOT NULL,
    age INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    reviewed_by TEXT,
    reviewed_at INTEGER,
    review_reason TEXT,
    replacement TEXT,
    expires INTEGER,
    change_id TEXT
);
CREATE TABLE deviation_bodies (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER deviation_bodies_follow AFTER DELETE ON deviations BEGIN
    DELETE FROM deviation_bodies WHERE id = old.id;
END;
CREATE INDEX deviations_by_severity ON deviations (open, severity, place);
CREATE INDEX deviations_by_place ON deviations (open, place);
CREATE INDEX deviations_by_plugin ON deviations (open, plugin, place);
CREATE INDEX deviations_by_age ON deviations (open, age, place);
CREATE INDEX deviations_by_scope ON deviations (instance, host, plugin, status, severity);
CREATE INDEX deviations_by_instance ON deviations (instance, plugin COLLATE NOCASE);
CREATE INDEX deviations_by_group ON deviations (group_id, open, severity);

CREATE TABLE deviation_history (
    deviation TEXT NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    status TEXT NOT NULL,
    actor TEXT,
    reason TEXT,
    actual TEXT
);
CREATE INDEX deviation_history_by_deviation ON deviation_history (deviation, at);

CREATE TABLE scans (
    id INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    instances INTEGER NOT NULL DEFAULT 0,
    files INTEGER NOT NULL DEFAULT 0,
    settings INTEGER NOT NULL DEFAULT 0,
    parsed INTEGER NOT NULL DEFAULT 0,
    seconds REAL,
    error TEXT
);

CREATE TABLE parsed (
    key TEXT PRIMARY KEY,
    body BLOB NOT NULL,
    used_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE files (
    instance TEXT NOT NULL,
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    parsed TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (instance, file)
) WITHOUT ROWID;

CREATE TABLE setting_history (
    at INTEGER NOT NULL,
    instance TEXT NOT NULL,
    plugin TEXT NOT NULL,
    file TEXT NOT NULL,
    key TEXT NOT NULL,
    path TEXT NOT NULL,
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    by TEXT NOT NULL,
    change_id TEXT,
    while_away INTEGER NOT NULL
);
CREATE INDEX setting_history_by_setting ON setting_history (instance, file, key, at);
CREATE INDEX setting_history_by_time ON setting_history (at);

CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    method TEXT NOT NULL,
    params TEXT NOT NULL,
    outcome TEXT,
    at INTEGER NOT NULL
) WITHOUT ROWID;
"""

_DEPLOYMENTS = """
CREATE TABLE deployments (
    id TEXT PRIMARY KEY,
    stage TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX deployments_by_time ON deployments (created_at, id);

CREATE TABLE deployment_lines (
    deployment TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    wave INTEGER,
    text TEXT NOT NULL,
    PRIMARY KEY (deployment, number)
) WITHOUT ROWID;
"""

# Must say what `model.deviation.urgency` says: a test holds the two together.
_URGENCY = """
ALTER TABLE deviations ADD COLUMN urgency INTEGER AS (
    CASE pattern
        WHEN 'security_downgrade' THEN 0
        WHEN 'duplicated_identity' THEN 2
        WHEN 'wrong_instance_name' THEN 2
        WHEN 'return_to_default' THEN 3
        WHEN 'typo' THEN 3
        WHEN 'mixed_types' THEN 3
        WHEN 'minority' THEN 5
        WHEN 'even_split' THEN 6
        ELSE CASE WHEN kind IN ('unexpected_plugin', 'missing_plugin') THEN 1 ELSE 4 END
    END
) VIRTUAL;
DROP INDEX deviations_by_severity;
CREATE INDEX deviations_by_severity ON deviations (open, severity, urgency, place);
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _DEPLOYMENTS, _URGENCY)


async def migrate(db: aiosqlite.Connection) -> None:
    """Bring the database up to today's schema, each step in a transaction of its own.

    Raises:
        StoreNewerError: a newer version wrote it.
    """
    version = await _version(db)
    if version > len(MIGRATIONS):
        raise StoreNewerError(
            f"the database has schema {version}, this homeamp knows {len(MIGRATIONS)}: "
            "a newer homeamp wrote it; use that one, or give another state folder"
        )
    for number in range(version, len(MIGRATIONS)):
        await db.executescript(
            f"BEGIN IMMEDIATE;\n{MIGRATIONS[number]}\nPRAGMA user_version = {number + 1};\nCOMMIT;"
        )


async def _version(db: aiosqlite.Connection) -> int:
    async with db.execute("PRAGMA user_version") as rows:
        row = await rows.fetchone()
    return int(row[0]) if row else 0
