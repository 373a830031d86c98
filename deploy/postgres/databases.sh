#!/bin/bash
# Runs once, in an empty PostgreSQL: for each service a database, an owner who migrates it, and the role that serves.
# The serving role reads and writes rows; tables are the owner's, who takes from it what the audit log must not lose.
# Neither service sees the other's database.
# shellcheck shell=bash
make_database() { # NAME PASSWORD OWNER_PASSWORD
  psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v name="$1" -v password="$2" \
    -v owner="$1_owner" -v owner_password="$3" <<'SQL'
CREATE ROLE :"owner" LOGIN PASSWORD :'owner_password';
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"owner";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"name" TO :"name";
\connect :"name"
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :"name";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"name";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO :"name";
SQL
}
make_database intake "${INTAKE_PASSWORD:?}" "${INTAKE_OWNER_PASSWORD:?}"
make_database referral "${REFERRAL_PASSWORD:?}" "${REFERRAL_OWNER_PASSWORD:?}"
