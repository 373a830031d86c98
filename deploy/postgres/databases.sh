#!/bin/bash
# Runs once, in an empty PostgreSQL: a database and a user for each service, and neither sees the other's.
# shellcheck shell=bash
make_database() { # NAME PASSWORD
  psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v name="$1" -v password="$2" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}
make_database intake "${INTAKE_PASSWORD:?}"
make_database referral "${REFERRAL_PASSWORD:?}"
