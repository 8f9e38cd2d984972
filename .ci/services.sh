#!/usr/bin/env bash
# Run a command with PostgreSQL as the database and Redis as the broker:
#
#   .ci/services.sh .venv/bin/python .ci/tiers.py services
#   .ci/services.sh .venv/bin/python -m pytest -m "db or broker" tests/worker
#
# DATABASE_URL and CELERY_BROKER_URL win; otherwise servers on this machine are used if they
# answer. Without them the command does not run: that is a failure where DSR_REQUIRE_SERVICES=1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

listens() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

absent() {
  echo "$1" >&2
  [ "${DSR_REQUIRE_SERVICES:-}" != 1 ] || exit 1
  echo "Skipped: nothing ran on PostgreSQL and Redis." >&2
  exit 0
}

if [ -z "${DATABASE_URL:-}" ]; then
  listens 127.0.0.1 5432 || absent "No PostgreSQL answers on 127.0.0.1:5432; set DATABASE_URL."
  # A name of its own per run: two runs at once must not share a test database.
  export DATABASE_URL="postgres://postgres@127.0.0.1:5432/dsr_$$"
fi
if [ -z "${CELERY_BROKER_URL:-}" ]; then
  listens 127.0.0.1 6379 || absent "No Redis answers on 127.0.0.1:6379; set CELERY_BROKER_URL."
  # The processes of one run take this number and the next ones (dsr_portal/settings/test.py).
  export CELERY_BROKER_URL="redis://127.0.0.1:6379/$(($$ % 5 * 3 + 1))"
fi

code=0
"$@" </dev/null || code=$?
# pytest says 5 when no test carries the markers.
[ "$code" != 5 ] || code=0
exit "$code"
