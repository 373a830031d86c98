"""PostgreSQL: the role that serves may have the children's keys written anew, as only the table's owner can."""

from alembic import op

revision = "0012"
down_revision = "0011"

_FUNCTION = """
CREATE FUNCTION rewrite_child_key() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$ BEGIN ALTER TABLE public.child_key ALTER COLUMN key_version TYPE integer USING key_version + 0; END $$
"""
"""A change of type with an expression copies all rows into a new file, and what was deleted is not among them."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION)
