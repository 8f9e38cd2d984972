from datetime import timedelta
from importlib import import_module

from django.conf import settings

from dsr_portal.accounts import name_ends
from dsr_portal.accounts.services import end_proposals
from dsr_portal.core.registries import Beat, schedule


def clear_sessions() -> None:
    """Delete the rows of sessions that are over, as the inventory of stores says (law A-02)."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


schedule.register("accounts.proposals", Beat(run=end_proposals, every=timedelta(days=1)))
schedule.register("accounts.names", Beat(run=name_ends.sweep, every=timedelta(days=1)))
schedule.register("accounts.sessions", Beat(run=clear_sessions, every=timedelta(days=1)))
