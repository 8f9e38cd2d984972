"""What the trail keeps of who acts for the person, and how its timeline says it (R11; law L-02)."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.audit.schema import Code, Count, Day, EventType, Flag, Many
from dsr_portal.cases.acting_models import LinkPurpose
from dsr_portal.cases.child_models import ActsFor
from dsr_portal.cases.mandate_models import (
    Addressee,
    AnswerTo,
    MandateDoubt,
    MandateKind,
    MandateMeans,
    MandateRefusal,
)

_KIND = Code(choices=tuple(MandateKind.values))
_ADDRESSEE = Code(choices=tuple(Addressee.values))

TYPES = [
    EventType(
        "mandate.written",
        {
            "kind": _KIND,
            "rights": Many(Code()),
            "answer_to": Code(choices=tuple(AnswerTo.values)),
            "until": Day(optional=True),
            "document": Flag(),
        },
        ("L-02", "C-04"),
    ),
    EventType(
        "mandate.doubted",
        {
            "facts": Many(Code(choices=tuple(MandateDoubt.values))),
            "means": Many(Code(choices=tuple(MandateMeans.values))),
        },
        ("L-02", "C-04"),
    ),
    EventType("mandate.answered", {"document": Flag()}, ("L-02", "C-04")),
    EventType("mandate.accepted", {"kind": _KIND}, ("L-02", "C-04")),
    EventType(
        "mandate.refused",
        {"reason": Code(choices=tuple(MandateRefusal.values))},
        ("L-02", "L-07", "C-04"),
    ),
    EventType("mandate.wanted", {}, ("L-02", "C-06")),
    EventType("mandate.ended", {"by_person": Flag()}, ("L-02", "C-04")),
    EventType("mandate.seen", {}, ("L-14", "C-04")),
    EventType("mandate.proof_destroyed", {"kind": _KIND, "reason": Code()}, ("L-02", "C-03")),
    EventType("batch.opened", {"lines": Count(), "left_out": Count()}, ("L-01", "C-04")),
    EventType(
        "child.decided",
        {"acts": Code(choices=tuple(ActsFor.values)), "conflict": Flag(), "photo": Flag()},
        ("L-02", "C-01", "C-02"),
    ),
    EventType("invitation.sent", {"addressee": _ADDRESSEE}, ("L-02", "C-06")),
    EventType("invitation.opened", {"addressee": _ADDRESSEE}, ("L-02", "C-06")),
    EventType("account.invited", {}, ("L-02", "C-04")),
    EventType("account.linked", {}, ("L-02", "C-04")),
    EventType("account.link_sent", {"purpose": Code(choices=tuple(LinkPurpose.values))}, ("C-04",)),
    EventType("account.set_up", {}, ("C-04",)),
    EventType("account.signed_in", {}, ("L-14", "C-04")),
    EventType("account.refused", {"locked": Flag()}, ("L-14", "C-04")),
    EventType("account.signed_out", {}, ("C-04",)),
    EventType("account.case_opened", {}, ("L-14", "C-04")),
    EventType("account.recovery_proposed", {}, ("G-01", "C-04")),
    EventType("account.recovery_decided", {"agreed": Flag()}, ("G-01", "C-04")),
    EventType("account.closed", {}, ("L-13", "C-04")),
]


def _to(payload: Any) -> str:
    return str(Addressee(payload["addressee"]).label)


SENTENCES = {
    "mandate.written": lambda p: (
        _("Somebody acts for the person: %(kind)s. The answer goes: %(answer)s.")
        % {"kind": MandateKind(p["kind"]).label, "answer": AnswerTo(p["answer_to"]).label}
    ),
    "mandate.doubted": lambda p: _("We asked about the mandate, once."),
    "mandate.answered": lambda p: _("The representative answered about the mandate."),
    "mandate.accepted": lambda p: _("The mandate was accepted."),
    "mandate.refused": lambda p: (
        _("The mandate was not accepted: %(reason)s.")
        % {"reason": MandateRefusal(p["reason"]).label}
    ),
    "mandate.wanted": lambda p: _("The person said that this request is theirs."),
    "mandate.ended": lambda p: (
        _("The person ended the representation.")
        if p["by_person"]
        else _("The representation was ended, as the person told us.")
    ),
    "mandate.seen": lambda p: _("The mandate was opened."),
    "mandate.proof_destroyed": lambda p: (
        _("The mandate itself was destroyed (%(kind)s).") % {"kind": MandateKind(p["kind"]).label}
    ),
    "batch.opened": lambda p: (
        ngettext(
            "A list with %(lines)s mandate was opened.",
            "A list with %(lines)s mandates was opened.",
            p["lines"],
        )
        % {"lines": p["lines"]}
    ),
    "child.decided": lambda p: (
        _("An officer decided about the child's request: %(acts)s.")
        % {"acts": ActsFor(p["acts"]).label}
    ),
    "invitation.sent": lambda p: _("A link of their own was sent. To: %(to)s.") % {"to": _to(p)},
    "account.invited": lambda p: _("Who acts was invited to an account."),
    "account.linked": lambda p: _("Who acts sees this request in an account of their own."),
    "account.case_opened": lambda p: _("Who acts opened the request from their account."),
    "invitation.opened": lambda p: _("The link was opened. By: %(to)s.") % {"to": _to(p)},
}
