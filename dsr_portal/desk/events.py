from django.utils.translation import gettext as _

from dsr_portal.audit.schema import EventType
from dsr_portal.core.registries import event_types, sentences

event_types.register(EventType("case.viewed", {}, ("L-14",)))
sentences.register("case.viewed", lambda p: _("The case was opened at the desk."))
