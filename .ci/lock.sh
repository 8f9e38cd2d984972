#!/usr/bin/env bash
# Write requirements.lock again from pyproject.toml: every package with version and hashes, in two
# sections (build tools, which are installed first; the portal). Pins that still fit stay as they
# are, so a second run changes nothing; `--upgrade` takes the newest of everything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

UV_VERSION=0.13.9
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

python3.11 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "uv==$UV_VERSION"
# The registry and its certificate are the environment's business, as pip has them.
[ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"
[ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"

compile() {
  "$place/venv/bin/uv" pip compile pyproject.toml --quiet --python-version 3.11 \
    --generate-hashes --no-annotate --no-header --no-emit-index-url "$@" >/dev/null
}

cp requirements.lock "$place/everything"
compile --group build --group dev --output-file "$place/everything" "$@"
# The build tools once more, held to the same versions: their names decide the split.
cat > "$place/build.toml" <<TOML
$(python3.11 - <<'PY'
import json
import tomllib
from pathlib import Path

groups = tomllib.loads(Path("pyproject.toml").read_text())["dependency-groups"]
print('[project]\nname = "build-tools"\nversion = "0"\nrequires-python = ">=3.11"')
print("dependencies =", json.dumps(groups["build"]))
PY
)
TOML
mkdir "$place/build" && mv "$place/build.toml" "$place/build/pyproject.toml"
grep -E '^[A-Za-z0-9]' "$place/everything" | sed -E 's/ *\\$//' > "$place/constraints"
"$place/venv/bin/uv" pip compile "$place/build/pyproject.toml" --quiet --python-version 3.11 \
  --no-annotate --no-header --no-emit-index-url --constraint "$place/constraints" \
  --output-file "$place/build.txt" >/dev/null

python3.11 .ci/lockfile.py split "$place/everything" "$place/build.txt" > "$place/requirements.lock"
mv "$place/requirements.lock" requirements.lock
echo "requirements.lock: $(grep -cE '^[A-Za-z0-9].*==' requirements.lock) packages"
