"""A table that the database itself keeps append-only, as the audit log's: triggers, and rights of the serving role."""

from sqlalchemy import func, select, text
from sqlmodel import Session

from services.kit.sql.audit_log import TABLE
from services.kit.sql.database import Database


def only_inserts(dialect: str, table: str) -> list[str]:
    """The statements by which the database refuses every change of `table` but a row after the last one.

    On PostgreSQL every role but the table's owner keeps SELECT and INSERT only.
    """
    return [one.format(table=table) for one in (_SQLITE if dialect == "sqlite" else _POSTGRESQL)]


def owner_deletes(dialect: str, table: str) -> tuple[str, str]:
    """The statements before and after a deletion by the owner of `table`, in one transaction."""
    if dialect == "sqlite":
        return f"DROP TRIGGER {table}_no_delete", _SQLITE[-1].format(table=table)
    trigger = f"TRIGGER {table}_no_change"
    return f"ALTER TABLE {table} DISABLE {trigger}", f"ALTER TABLE {table} ENABLE {trigger}"


async def check_only_inserts(database: Database) -> None:
    """A readiness check: raises RuntimeError when this process's role could change the log on PostgreSQL."""

    def work(session: Session) -> bool:
        may = [func.has_table_privilege(TABLE, one) for one in ("UPDATE", "DELETE", "TRUNCATE")]
        owner = select(text("pg_has_role(tableowner, 'MEMBER')")).select_from(text("pg_tables"))
        owned = session.execute(owner.where(text(f"tablename = '{TABLE}'"))).scalar()
        return bool(owned) or any(session.execute(select(*may)).one())

    if not database.is_sqlite and await database.read(work):
        raise RuntimeError("this role owns the audit log, or may change it: serve under a role of its own")


ONLY_INSERT = (
    "DO $$ DECLARE one text; BEGIN FOR one IN SELECT DISTINCT grantee FROM information_schema.role_table_grants "
    "WHERE table_name = '{table}' AND grantee <> current_user LOOP "
    "EXECUTE format('REVOKE ALL ON {table} FROM %I', one); "
    "EXECUTE format('GRANT SELECT, INSERT ON {table} TO %I', one); END LOOP; END $$"
)
_NEXT = "(SELECT coalesce(max(sequence), 0) + 1 FROM {table})"
_SQLITE = [
    # Before INSERT OR REPLACE deletes a row, which no trigger would see in a connection without recursive_triggers.
    "CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table} WHEN NEW.sequence IS NOT " + _NEXT + " "
    "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
    *(
        f"CREATE TRIGGER {{table}}_no_{verb} BEFORE {verb} ON {{table}} "
        "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for verb in ("update", "delete")
    ),
]
_POSTGRESQL = [
    "CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$",
    "CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()",
    "CREATE FUNCTION {table}_in_order() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN IF NEW.sequence <> " + _NEXT + " THEN RAISE EXCEPTION '{table} is append-only'; END IF; "
    "RETURN NEW; END $$",
    "CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_in_order()",
    ONLY_INSERT,
]
