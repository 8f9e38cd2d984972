#!/usr/bin/env bash
# Makes this checkout ready to run: Debian packages, virtual environment, Python packages, weights.
#
#   .ci/setup.sh [--test]     --test also needs a browser
#
# Every step leaves a stamp that carries the hash of requirements.lock: a second start does
# nothing, and one that was interrupted goes on where it stopped. What pip and apt say goes to
# var/log/setup.log and is shown only when a step fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

WITH_TESTS=
[ "${1:-}" != "--test" ] || WITH_TESTS=1
STEPS=${STEPS:-4} # `make demo` counts its own steps after these four
LOG=var/log/setup.log
STAMPS=.venv/.setup
mkdir -p var/log

say() { printf '  %s\n' "$*"; }

fail() { # fail WHAT: the end of the log, then what went wrong
  printf '\n%s\n' "--- end of $LOG ---" >&2
  tail -n 30 "$LOG" >&2 || true
  printf '\n%s\n' "$1" >&2
  exit 1
}

# step NUMBER NAME DONE_TEXT: one line per step
began=$SECONDS
step_begin() { began=$SECONDS; printf '  %s/%s  %-22s' "$1" "$STEPS" "$2"; }
step_end() { printf '%s\n' "$1"; }
took() { printf '%s s' "$((SECONDS - began))"; }

log_run() { # log_run WHAT COMMAND...: output to the log, its end on the terminal if it fails
  local what=$1
  shift
  printf '\n$ %s\n' "$*" >>"$LOG"
  "$@" >>"$LOG" 2>&1 </dev/null || { printf 'failed\n'; fail "$what failed."; }
}

# --- 1 Debian packages ---------------------------------------------------------------------------

python_ok() { # a python 3.11 that can make environments and compile extensions
  "$1" - >/dev/null 2>&1 <<'PY'
import ensurepip, pathlib, sys, sysconfig, venv
sys.exit(sys.version_info[:2] != (3, 11)
         or not pathlib.Path(sysconfig.get_path("include"), "Python.h").is_file())
PY
}

find_python() {
  local candidate
  for candidate in python3.11 /usr/bin/python3.11; do
    if command -v "$candidate" >/dev/null && python_ok "$candidate"; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

library_ok() { # can the loader open it? ctypes does what WeasyPrint will do
  "${1:-python3}" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$2" >/dev/null 2>&1
}

missing_packages() {
  local python loader
  python=$(find_python) || echo python3.11 python3.11-venv python3.11-dev
  loader=${python:-$(command -v python3 || true)}
  command -v g++ >/dev/null || echo g++
  command -v make >/dev/null || echo make
  command -v git >/dev/null || echo git
  if [ -n "$loader" ]; then
    library_ok "$loader" libpango-1.0.so.0 || echo libpango-1.0-0
    library_ok "$loader" libpangoft2-1.0.so.0 || echo libpangoft2-1.0-0
  else
    ldconfig -p | grep -q 'libpango-1\.0\.so\.0' || echo libpango-1.0-0
    ldconfig -p | grep -q 'libpangoft2-1\.0\.so\.0' || echo libpangoft2-1.0-0
  fi
  if [ -n "$WITH_TESTS" ]; then
    [ -x /usr/bin/chromium ] || echo chromium
  fi
}

step_begin 1 "Debian packages"
missing=$(missing_packages | tr '\n' ' ')
missing=${missing% }
if [ -z "$missing" ]; then
  step_end "there"
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  log_run "apt-get update" apt-get update
  # shellcheck disable=SC2086 # a list of names
  log_run "Installing $missing" apt-get install -y --no-install-recommends $missing
  still=$(missing_packages | tr '\n' ' ')
  [ -z "$still" ] || { printf 'failed\n'; fail "Still missing after installing: $still"; }
  step_end "installed $missing ($(took))"
else
  step_end "missing"
  cat >&2 <<TEXT

This machine lacks: $missing
On Debian 12, one line installs it; then start again:

  sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing

TEXT
  exit 1
fi
PYTHON=$(find_python)

# --- 2 virtual environment -----------------------------------------------------------------------

key=$(sha256sum requirements.lock | cut -c1-16)

step_begin 2 "virtual environment"
if [ -f "$STAMPS/venv" ] && .venv/bin/python -c 'import pip' 2>/dev/null; then
  step_end "there"
else
  # Made over what is there: an environment of an earlier set-up keeps its packages.
  log_run "Making the virtual environment" "$PYTHON" -m venv .venv
  mkdir -p "$STAMPS" && touch "$STAMPS/venv"
  step_end "made ($(took))"
fi

# --- 3 Python packages ---------------------------------------------------------------------------

install() { # install STEP OPTIONS...: one part of the lock, exactly, once
  local part=$1
  shift
  [ ! -f "$STAMPS/$part-$key" ] || return 0
  .venv/bin/python .ci/lockfile.py list requirements.lock "$part" > "$STAMPS/$part.txt"
  log_run "Installing packages ($part)" .venv/bin/python -m pip install --no-input \
    --require-hashes --no-deps "$@" --requirement "$STAMPS/$part.txt"
  touch "$STAMPS/$part-$key"
}

step_begin 3 "Python packages"
if [ -f "$STAMPS/done-$key" ]; then
  step_end "there"
else
  export PIP_DISABLE_PIP_VERSION_CHECK=1
  log_run "Cleaning up an interrupted installation" .venv/bin/python .ci/check_installed.py --repair
  install build --only-binary :all:
  install wheels --only-binary :all: --no-build-isolation
  # Built on this machine for any machine: no cached wheel, no instructions of this processor only.
  HNSWLIB_NO_NATIVE=1 install sources --no-cache-dir --no-binary :all: --no-build-isolation
  log_run "Checking what was installed" .venv/bin/python .ci/check_installed.py
  find "$STAMPS" -name 'done-*' -delete
  touch "$STAMPS/done-$key"
  step_end "installed, $(du -sm .venv | cut -f1) MB ($(took))"
fi

# --- 4 weights -----------------------------------------------------------------------------------

step_begin 4 "model weights"
log_run "Fetching the model weights" .venv/bin/python -m biometrics.weights
step_end "checked, $(du -sm var/weights | cut -f1) MB ($(took))"
