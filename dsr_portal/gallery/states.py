"""Which states a record may go through (R1); plain data, the only place that knows the arrows."""

from django.utils.translation import gettext as _

from dsr_portal.core.errors import Conflict
from dsr_portal.gallery.models import Record

STATE = Record.State

ARROWS: dict[tuple[str, str], str] = {
    (STATE.HELD, "restrict"): STATE.RESTRICTED,
    (STATE.RESTRICTED, "restrict"): STATE.RESTRICTED,
    (STATE.RESTRICTED, "lift"): STATE.HELD,
    (STATE.HELD, "erase"): STATE.ERASING,
    (STATE.RESTRICTED, "erase"): STATE.ERASING,
    (STATE.ERASING, "erase"): STATE.ERASING,
    (STATE.ERASING, "spare"): STATE.HELD,
    (STATE.ERASING, "erased"): STATE.ERASED,
    (STATE.ERASED, "erased"): STATE.ERASED,
}


def after(state: str, action: str) -> str:
    """The state that follows, or `Conflict` when there is no such arrow."""
    try:
        return str(ARROWS[(state, action)])
    except KeyError:
        words = _("A record that is %(state)s can't %(action)s.") % {
            "state": state,
            "action": action,
        }
        raise Conflict("record_state", words, state=state, action=action) from None
