"""What the database itself refuses, whoever asks: the same rules for SQLite and PostgreSQL (R29).

- events: no UPDATE, no DELETE, only the next number, bound to the event before it
- head row: starts at 0, moves only forward and only onto an event that is there; never deleted
- payloads: written before their event, never updated, deletable
- nothing is truncated (PostgreSQL; SQLite has no TRUNCATE)

SQLite runs the DELETE triggers of INSERT OR REPLACE only with recursive_triggers, which the
settings switch on.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

_SQLITE: dict[str, str] = {
    "audit_event_update": (
        "BEFORE UPDATE ON audit_event BEGIN "
        "SELECT RAISE(ABORT, 'audit: an event is never changed'); END"
    ),
    "audit_event_delete": (
        "BEFORE DELETE ON audit_event BEGIN "
        "SELECT RAISE(ABORT, 'audit: an event is never deleted'); END"
    ),
    "audit_event_number": (
        "BEFORE INSERT ON audit_event WHEN NEW.number IS NOT "
        "(SELECT COALESCE(MAX(number), 0) + 1 FROM audit_event WHERE chain_id = NEW.chain_id) "
        "BEGIN SELECT RAISE(ABORT, 'audit: not the next number'); END"
    ),
    "audit_event_link": (
        "BEFORE INSERT ON audit_event WHEN NEW.prev_hash IS NOT COALESCE("
        "(SELECT hash FROM audit_event WHERE chain_id = NEW.chain_id AND number = NEW.number - 1), "
        "(SELECT hash FROM audit_chain WHERE name = NEW.chain_id AND number = 0)) "
        "BEGIN SELECT RAISE(ABORT, 'audit: not bound to the event before'); END"
    ),
    "audit_chain_insert": (
        "BEFORE INSERT ON audit_chain WHEN NEW.number IS NOT 0 OR "
        "EXISTS (SELECT 1 FROM audit_chain WHERE name = NEW.name) BEGIN "
        "SELECT RAISE(ABORT, 'audit: a chain starts once, at 0'); END"
    ),
    "audit_chain_update": (
        "BEFORE UPDATE ON audit_chain WHEN NEW.name IS NOT OLD.name OR NEW.number <= OLD.number "
        "OR NOT EXISTS (SELECT 1 FROM audit_event WHERE chain_id = NEW.name "
        "AND number = NEW.number AND hash = NEW.hash) BEGIN "
        "SELECT RAISE(ABORT, 'audit: the head only moves forward, onto an event'); END"
    ),
    "audit_chain_delete": (
        "BEFORE DELETE ON audit_chain BEGIN "
        "SELECT RAISE(ABORT, 'audit: a head is never deleted'); END"
    ),
    "audit_payload_insert": (
        "BEFORE INSERT ON audit_payload WHEN "
        "EXISTS (SELECT 1 FROM audit_event WHERE id = NEW.event_id) "
        "OR EXISTS (SELECT 1 FROM audit_payload WHERE event_id = NEW.event_id) BEGIN "
        "SELECT RAISE(ABORT, 'audit: a payload is written once, before its event'); END"
    ),
    "audit_payload_update": (
        "BEFORE UPDATE ON audit_payload BEGIN "
        "SELECT RAISE(ABORT, 'audit: a payload is never changed'); END"
    ),
}

# Name -> (table, when, body of the function). An empty body refuses always.
_POSTGRESQL: dict[str, tuple[str, str, str]] = {
    "audit_event_keep": ("audit_event", "UPDATE OR DELETE", ""),
    "audit_event_next": (
        "audit_event",
        "INSERT",
        """
        IF NEW.number <> (SELECT COALESCE(MAX(number), 0) + 1 FROM audit_event
                          WHERE chain_id = NEW.chain_id)
           OR NEW.prev_hash IS DISTINCT FROM COALESCE(
                (SELECT hash FROM audit_event
                 WHERE chain_id = NEW.chain_id AND number = NEW.number - 1),
                (SELECT hash FROM audit_chain WHERE name = NEW.chain_id AND number = 0))
        THEN RAISE EXCEPTION 'audit: not the next event' USING ERRCODE = '23514'; END IF;
        """,
    ),
    "audit_chain_start": (
        "audit_chain",
        "INSERT",
        """
        IF NEW.number <> 0
        THEN RAISE EXCEPTION 'audit: a chain starts at 0' USING ERRCODE = '23514'; END IF;
        """,
    ),
    "audit_chain_forward": (
        "audit_chain",
        "UPDATE",
        """
        IF NEW.name <> OLD.name OR NEW.number <= OLD.number
           OR NOT EXISTS (SELECT 1 FROM audit_event WHERE chain_id = NEW.name
                          AND number = NEW.number AND hash = NEW.hash)
        THEN RAISE EXCEPTION 'audit: the head only moves forward, onto an event'
             USING ERRCODE = '23514'; END IF;
        """,
    ),
    "audit_chain_keep": ("audit_chain", "DELETE", ""),
    "audit_payload_first": (
        "audit_payload",
        "INSERT",
        """
        IF EXISTS (SELECT 1 FROM audit_event WHERE id = NEW.event_id)
        THEN RAISE EXCEPTION 'audit: a payload is written before its event'
             USING ERRCODE = '23514'; END IF;
        """,
    ),
    "audit_payload_keep": ("audit_payload", "UPDATE", ""),
}
_TABLES = ("audit_event", "audit_chain", "audit_payload")


def install(connection: BaseDatabaseWrapper) -> None:
    """Create every trigger anew."""
    remove(connection)
    _run(connection, _create(connection.vendor))


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop every trigger: for taking the migration back."""
    _run(connection, _drop(connection.vendor))


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of triggers that should be there and are not, or are switched off."""
    if connection.vendor == "sqlite":
        question = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        wanted = set(_SQLITE)
    else:
        question = "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')"
        wanted = set(_POSTGRESQL) | {f"{table}_whole" for table in _TABLES}
    with connection.cursor() as cursor:
        cursor.execute(question)
        return sorted(wanted - {row[0] for row in cursor.fetchall()})


def _run(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _create(vendor: str) -> list[str]:
    if vendor == "sqlite":
        return [f"CREATE TRIGGER {name} {body}" for name, body in _SQLITE.items()]
    made = []
    for name, (table, when, body) in _POSTGRESQL.items():
        made += [
            _function(name, body),
            f"CREATE TRIGGER {name} BEFORE {when} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {name}()",
        ]
    made.append(_function("audit_whole", ""))
    made += [
        f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION audit_whole()"
        for table in _TABLES
    ]
    return made


def _drop(vendor: str) -> list[str]:
    if vendor == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {name}" for name in _SQLITE]
    names = [(name, table) for name, (table, _when, _body) in _POSTGRESQL.items()]
    dropped = [f"DROP TRIGGER IF EXISTS {name} ON {table}" for name, table in names]
    dropped += [f"DROP TRIGGER IF EXISTS {table}_whole ON {table}" for table in _TABLES]
    dropped += [f"DROP FUNCTION IF EXISTS {name}()" for name, _table in names]
    return [*dropped, "DROP FUNCTION IF EXISTS audit_whole()"]


def _function(name: str, body: str) -> str:
    refuse = "RAISE EXCEPTION 'audit: % on % is refused', TG_OP, TG_TABLE_NAME"
    inner = f"{body} RETURN NEW;" if body else f"{refuse} USING ERRCODE = '23514';"
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$body$ BEGIN {inner} END $body$"
    )
