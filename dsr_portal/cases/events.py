"""What the audit trail keeps of a case, and how its timeline says it (law L-01 to L-14)."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from dsr_portal.audit.schema import Code, Count, Day, EventType, Field, Flag, Hash, Many, StaffNo
from dsr_portal.cases.models import (
    Channel,
    ConsentScope,
    DeliveryKind,
    IdentityElement,
    IdentityWay,
    Outcome,
    RightCode,
    Status,
    WayKind,
)
from dsr_portal.cases.states import TRANSITIONS
from dsr_portal.cases.texts import day_words
from dsr_portal.core.registries import event_types, sentences

RIGHT = Code(choices=tuple(RightCode.values))
SCOPE = Code(choices=tuple(ConsentScope.values))
KIND = Code(choices=tuple(DeliveryKind.values))
STATUS = Code(choices=tuple(Status.values))

OPENED: dict[str, Field] = {
    "channel": Code(choices=tuple(Channel.values)),
    "rights": Many(RIGHT),
    "ways": Many(Code(choices=tuple(WayKind.values))),
    "language": Code(),
    "country": Code(optional=True),
    "urgent": Flag(),
    "regime": Code(),
    "calendar": Code(),
    "received_on": Day(),
    "due_unrolled": Day(),
    "due_on": Day(),
    "required_level": Count(),
    "entered_by": StaffNo(optional=True),
}

TYPES = [
    EventType("case.opened", OPENED, ("L-01", "D-01", "T-10")),
    EventType("receipt.issued", {"language": Code(), "head": Count()}, ("T-10", "L-01")),
    EventType("case.right_added", {"right": RIGHT}, ("T-11",)),
    EventType("case.assigned", {"to": StaffNo()}, ("L-14",)),
    EventType("case.flagged", {"code": Code()}, ("L-02",)),
    EventType("case.origin_confirmed", {}, ("T-08",)),
    EventType("case.outcome_set", {"outcome": Code(choices=tuple(Outcome.values))}, ("L-07",)),
    EventType("case.code_renewed", {"counter": Count()}, ("L-09",)),
    EventType("case.delete_now", {}, ("L-10",)),
    EventType(
        "consent.given",
        {"scope": SCOPE, "version": Code(), "text": Hash(), "channel": Code(), "language": Code()},
        ("L-03", "P-02"),
    ),
    EventType("consent.withdrawn", {"scope": SCOPE}, ("L-03", "P-03")),
    EventType(
        "identity.recorded",
        {
            "way": Code(choices=tuple(IdentityWay.values)),
            "element": Code(choices=tuple(IdentityElement.values), optional=True),
            "level": Count(),
        },
        ("L-02", "R-07"),
    ),
    EventType("identity.lapsed", {}, ("L-02", "R-07")),
    EventType("mailbox.code_sent", {}, ("L-02",)),
    EventType("mailbox.confirmed", {}, ("L-02",)),
    EventType("message.received", {}, ("T-11",)),
    EventType("message.sent", {}, ("T-11",)),
    EventType("delivery.made", {"kind": KIND, "parts": Count()}, ("L-09",)),
    EventType(
        "delivery.released", {"kind": KIND, "approved_by": Code(), "until": Day()}, ("L-09",)
    ),
    EventType("delivery.opened", {"kind": KIND, "first": Flag()}, ("L-09",)),
    EventType("delivery.fetched", {"part": Count()}, ("L-09",)),
    EventType("delivery.locked", {"kind": KIND}, ("L-09",)),
    EventType("delivery.renewed", {"kind": KIND}, ("L-09",)),
]

_MOVED: dict[str, Field] = {
    "action": Code(),
    "before": STATUS,
    "after": STATUS,
    "outcome": Code(choices=tuple(Outcome.values), optional=True),
}
TYPES += [
    EventType(name, _MOVED, ("L-07", "L-12"))
    for name in sorted({arrow.event for arrow in TRANSITIONS.values()})
]

for _type in TYPES:
    event_types.register(_type)


def _day(written: str) -> str:
    """The trail keeps ISO dates; people read words."""
    return day_words(date.fromisoformat(written))


def _rights(payload: Mapping[str, Any]) -> str:
    return ", ".join(str(RightCode(one).label) for one in payload["rights"])


def _identity(payload: Mapping[str, Any]) -> str:
    words = {
        "way": IdentityWay(payload["way"]).label,
        "element": IdentityElement(payload["element"]).label if payload["element"] else "",
        "level": payload["level"],
    }
    if payload["element"]:
        return _("Identity level %(level)s: %(way)s, and %(element)s.") % words
    return _("Identity level %(level)s: %(way)s.") % words


SENTENCES = {
    "case.opened": lambda p: (
        _("The request arrived by %(channel)s: %(rights)s. Due %(due)s.")
        % {"channel": Channel(p["channel"]).label, "rights": _rights(p), "due": _day(p["due_on"])}
    ),
    "receipt.issued": lambda p: _("The receipt was made."),
    "case.right_added": lambda p: (
        _("A right was added: %(right)s.") % {"right": RightCode(p["right"]).label}
    ),
    "case.assigned": lambda p: _("The case was given to %(to)s.") % {"to": p["to"]},
    "case.flagged": lambda p: _("A flag was raised: %(code)s.") % {"code": p["code"]},
    "case.origin_confirmed": lambda p: _("Another person saw the original of the request."),
    "case.outcome_set": lambda p: (
        _("Outcome: %(outcome)s.") % {"outcome": Outcome(p["outcome"]).label}
    ),
    "case.code_renewed": lambda p: _("A new receipt code was issued; the old one ended."),
    "case.delete_now": lambda p: _("The person asked to delete now."),
    "consent.given": lambda p: (
        _("Consent was given: %(scope)s.") % {"scope": ConsentScope(p["scope"]).label}
    ),
    "consent.withdrawn": lambda p: (
        _("Consent was withdrawn: %(scope)s.") % {"scope": ConsentScope(p["scope"]).label}
    ),
    "identity.recorded": _identity,
    "identity.lapsed": lambda p: _("Another photo came: who is asking has to be checked again."),
    "mailbox.code_sent": lambda p: _("A code was sent to the mailbox."),
    "mailbox.confirmed": lambda p: _("The mailbox was confirmed."),
    "message.received": lambda p: _("The person wrote."),
    "message.sent": lambda p: _("We wrote to the person."),
    "delivery.made": lambda p: (
        _("%(kind)s approved; it leaves with the daily batch.")
        % {"kind": DeliveryKind(p["kind"]).label}
    ),
    "delivery.released": lambda p: (
        _("%(kind)s released; the link is open until %(until)s.")
        % {"kind": DeliveryKind(p["kind"]).label, "until": _day(p["until"])}
    ),
    "delivery.opened": lambda p: _("%(kind)s opened.") % {"kind": DeliveryKind(p["kind"]).label},
    "delivery.fetched": lambda p: _("Part %(part)s was fetched.") % {"part": p["part"]},
    "delivery.locked": lambda p: _("The link was locked after five wrong codes."),
    "delivery.renewed": lambda p: _("A new link was made."),
    "case.info_asked": lambda p: _("We asked the person for something."),
    "case.info_received": lambda p: _("The person answered."),
    "case.identity_asked": lambda p: _("We asked for the identity check."),
    "case.search_started": lambda p: _("The search was started."),
    "case.search_repeated": lambda p: _("The search was started again."),
    "case.search_stopped": lambda p: _("The search was stopped."),
    "case.search_finished": lambda p: _("The search ended; people decide now."),
    "case.first_reviewed": lambda p: _("The first person decided."),
    "case.sent_back": lambda p: _("The second person sent the case back."),
    "case.decided": lambda p: _("The case is decided."),
    "case.delivered": lambda p: _("The answer was delivered."),
    "case.erasure_started": lambda p: _("Erasure started."),
    "case.erasure_stopped": lambda p: _("Erasure was stopped before it began."),
    "case.erasure_finished": lambda p: _("Erasure was verified."),
    "case.withdrawn": lambda p: _("The person withdrew the request."),
    "case.closed": lambda p: _("The case was closed."),
    "case.reopened": lambda p: _("The case was opened again."),
    "case.purged": lambda p: _("Contact data and file of the case were destroyed."),
}
for _name, _sentence in SENTENCES.items():
    sentences.register(_name, _sentence)
