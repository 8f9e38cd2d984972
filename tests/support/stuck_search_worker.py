"""Imported by a worker of a test: its recognition is held once (see `stuck_search`)."""

from tests.support.stuck_search import install

install()
