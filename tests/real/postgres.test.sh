# shellcheck shell=bash disable=SC2034,SC2154
# A real PostgreSQL, set up as an ordinary user with sudo, becoming root and postgres.

scenario_postgres() {
  local i; fresh 2; i=$(inventory deploy 2)
  ok_rp playbook $PLAYS/postgres.yml -i "$i"; is 0 "$(unsettled)" "the number of unsettled tasks"
  is app "$(on 2 "su postgres -c \"psql -tAc \\\"SELECT rolname FROM pg_roles WHERE rolname='app'\\\"\"")" "the role"
  ok_rp playbook $PLAYS/postgres.yml -i "$i"; is 0 "$(recap r2 changed)" "changed in the second run"
}
