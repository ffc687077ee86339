"""The schema, as numbered migrations. They stay word for word: states of every number are in use.

They are written for SQLite; `postgres` translates them. A new one is SQL that both understand, apart from the names of
types, so whatever has to compute with JSON is done in Python.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, str], ...] = (
    (
        "records, links and the journal",
        """
        CREATE TABLE files (
            programme TEXT, source TEXT, file TEXT, fingerprint TEXT NOT NULL,
            rows INTEGER NOT NULL, accepted INTEGER NOT NULL, skipped INTEGER NOT NULL, read_no INTEGER NOT NULL,
            PRIMARY KEY (programme, source, file));
        CREATE TABLE contributions (
            programme TEXT, source TEXT, kind TEXT, ref TEXT,
            namespace TEXT NOT NULL, overlay INTEGER NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL,
            local_id TEXT, title TEXT, body TEXT NOT NULL, refs TEXT NOT NULL, origins TEXT NOT NULL,
            digest TEXT NOT NULL, is_primary INTEGER NOT NULL,
            key TEXT, posting TEXT, applicant TEXT, read_no INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (programme, source, kind, ref));
        CREATE INDEX contributions_id ON contributions (programme, kind, local_id);
        CREATE INDEX contributions_title ON contributions (programme, kind, title);
        CREATE INDEX contributions_key ON contributions (programme, key);
        CREATE TABLE aliases (
            programme TEXT, kind TEXT, type TEXT, value TEXT, namespace TEXT, key TEXT NOT NULL,
            PRIMARY KEY (programme, kind, type, value, namespace));
        CREATE INDEX aliases_key ON aliases (programme, key);
        CREATE TABLE records (
            programme TEXT, key TEXT, kind TEXT NOT NULL, status TEXT, posting TEXT, applicant TEXT, initials TEXT,
            body TEXT NOT NULL, origins TEXT NOT NULL,
            PRIMARY KEY (programme, key));
        CREATE INDEX records_kind ON records (programme, kind, status);
        CREATE INDEX records_posting ON records (programme, posting);
        CREATE INDEX records_applicant ON records (programme, applicant);
        CREATE TABLE labels (
            programme TEXT, applicant TEXT, label TEXT NOT NULL, PRIMARY KEY (programme, applicant));
        CREATE TABLE quarantine (
            programme TEXT, source TEXT, file TEXT, line INTEGER, stage TEXT, digest TEXT NOT NULL,
            field TEXT NOT NULL, why TEXT NOT NULL, since TEXT NOT NULL,
            PRIMARY KEY (programme, source, file, line, stage));
        CREATE TABLE targets (
            programme TEXT, target TEXT, board TEXT NOT NULL, PRIMARY KEY (programme, target));
        CREATE TABLE links (
            programme TEXT, target TEXT, key TEXT,
            id TEXT NOT NULL, url TEXT NOT NULL, nonce TEXT NOT NULL, owner TEXT NOT NULL, step TEXT NOT NULL,
            title TEXT NOT NULL, base TEXT NOT NULL, labels TEXT NOT NULL, checklist TEXT NOT NULL,
            archived INTEGER NOT NULL, seen TEXT NOT NULL,
            PRIMARY KEY (programme, target, key));
        CREATE TABLE journal (
            seq INTEGER PRIMARY KEY, programme TEXT NOT NULL, target TEXT NOT NULL, key TEXT NOT NULL,
            plan TEXT NOT NULL, run TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL, intent TEXT NOT NULL);
        CREATE INDEX journal_open ON journal (programme, target, state);
        CREATE INDEX journal_plan ON journal (programme, plan, key);
        CREATE TABLE runs (
            run TEXT PRIMARY KEY, programme TEXT NOT NULL, command TEXT NOT NULL,
            started_at TEXT NOT NULL, ended_at TEXT, status TEXT, exit_code INTEGER, result TEXT);
        CREATE TABLE counters (programme TEXT, name TEXT, value INTEGER NOT NULL, PRIMARY KEY (programme, name));
        """,
    ),
    (
        "files with a row whose key cannot be read",
        # Such a file keeps anything from being gone. Its read number is that of the newest thing that it said, so
        # that what had gone from it by then stays gone.
        """
        ALTER TABLE files ADD COLUMN keyless INTEGER NOT NULL DEFAULT 0;
        UPDATE files SET read_no = COALESCE((SELECT MAX(c.read_no) FROM contributions c WHERE c.programme =
            files.programme AND c.source = files.source AND c.file = files.file AND c.read_no < 4611686018427387904),
            read_no);
        CREATE INDEX IF NOT EXISTS contributions_unlinked ON contributions (programme, kind) WHERE key IS NULL;
        """,
    ),
    (
        "the content of files, and the run that a value came with",
        # Of what was read before nobody knows; it is filled in when a file is read again.
        """
        ALTER TABLE files ADD COLUMN content TEXT NOT NULL DEFAULT '';
        ALTER TABLE files ADD COLUMN run TEXT NOT NULL DEFAULT '';
        ALTER TABLE contributions ADD COLUMN run TEXT NOT NULL DEFAULT '';
        """,
    ),
    (
        "who is assigned",
        # Until the board is looked at again, all that is known is that somebody is.
        """
        UPDATE links SET seen = json_set(json_remove(seen, '$.assigned'), '$.assignees',
            json(CASE json_extract(seen, '$.assigned') WHEN 1 THEN '["somebody"]' ELSE '[]' END));
        """,
    ),
    (
        "people who were erased, and when a row last said something new",
        # An erased person is known again by digests alone, and owns items under a name that means nothing. Of what
        # was read before, the start of the run that read it is when it was new, as far as that is known.
        """
        CREATE TABLE erased (
            programme TEXT, digest TEXT, owner TEXT NOT NULL, PRIMARY KEY (programme, digest));
        ALTER TABLE contributions ADD COLUMN changed_at TEXT NOT NULL DEFAULT '';
        UPDATE contributions SET changed_at = COALESCE(
            (SELECT started_at FROM runs WHERE runs.run = contributions.run), '');
        """,
    ),
    (
        "how a file was read, and which of several rows about one record speaks",
        # `before` is what was said until this read, `weight` how much is said, and `unread` that the row cannot be
        # read now.
        """
        ALTER TABLE files ADD COLUMN how TEXT NOT NULL DEFAULT '{}';
        ALTER TABLE files ADD COLUMN overlaps INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE contributions ADD COLUMN before TEXT NOT NULL DEFAULT '';
        ALTER TABLE contributions ADD COLUMN weight INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE contributions ADD COLUMN unread INTEGER NOT NULL DEFAULT 0;
        UPDATE contributions SET unread = 1 WHERE EXISTS (SELECT 1 FROM quarantine q WHERE q.programme =
            contributions.programme AND q.source = contributions.source AND q.file = contributions.file
            AND q.line = contributions.line AND q.stage = 'map');
        """,
    ),
    (
        "leases, which run out by themselves",
        # `expires_at` is in milliseconds since 1970. The fence of the lock that was a file is of no more use.
        """
        CREATE TABLE leases (
            programme TEXT, target TEXT, fence BIGINT NOT NULL, holder TEXT NOT NULL, expires_at BIGINT NOT NULL,
            PRIMARY KEY (programme, target));
        DELETE FROM counters WHERE programme = '' AND name = 'lock'
        """,
    ),
    (
        "what publishers remember",
        """
        CREATE TABLE memories (
            programme TEXT, target TEXT, name TEXT, value TEXT NOT NULL, PRIMARY KEY (programme, target, name))
        """,
    ),
    (
        "the rows that contributions came from",
        # By its digest a row is known again that has not changed, without being read; see `known_rows`. Of what was
        # read before it is filled in when the row is read again. `row_records` is how many records the row has.
        """
        ALTER TABLE contributions ADD COLUMN row_digest TEXT NOT NULL DEFAULT '';
        ALTER TABLE contributions ADD COLUMN row_records INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX contributions_row ON contributions (row_digest) WHERE row_digest != '';
        CREATE INDEX contributions_gone ON contributions (programme, kind) WHERE gone = 1
        """,
    ),
)
