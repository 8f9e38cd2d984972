"""What the audit trail keeps of a case, and how its timeline says it (law L-01 to L-14)."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.audit.schema import (
    Code,
    Count,
    Day,
    EventType,
    Field,
    Flag,
    Hash,
    Id,
    Many,
    StaffNo,
)
from dsr_portal.cases import answering, mandate_events
from dsr_portal.cases.address_models import AddressKind, StoppedBy
from dsr_portal.cases.came_models import Came, Holds
from dsr_portal.cases.correction_models import CorrectionState, Wrong
from dsr_portal.cases.link_models import LinkKind
from dsr_portal.cases.models import (
    Alarm,
    ArrivedBy,
    Channel,
    ConsentScope,
    DeliveryKind,
    HeldBack,
    IdentityElement,
    IdentityWay,
    LateReason,
    LetterKind,
    LockEnd,
    LockOver,
    MailRole,
    Means,
    Missing,
    Outcome,
    PaperWay,
    PauseGround,
    ProposalKind,
    ProposalState,
    RightCode,
    Status,
    WayKind,
)
from dsr_portal.cases.other_models import (
    FoundMedia,
    OthersInIt,
    SearchedOutcome,
    SystemKind,
    ThereErased,
)
from dsr_portal.cases.paper_models import ReturnReason, ReturnStep
from dsr_portal.cases.proof_models import DocumentEnd, DocumentKind, DocumentWhy
from dsr_portal.cases.states import TRANSITIONS
from dsr_portal.cases.texts import day_words
from dsr_portal.core.registries import event_types, sentences

RIGHT = Code(choices=tuple(RightCode.values))
SCOPE = Code(choices=tuple(ConsentScope.values))
KIND = Code(choices=tuple(DeliveryKind.values))
SYSTEM = Code(choices=tuple(SystemKind.values))
SEARCHED = Code(choices=tuple(SearchedOutcome.values))
THERE = Code(choices=tuple(ThereErased.values))
FOUND = Code(choices=tuple(FoundMedia.values))
STATUS = Code(choices=tuple(Status.values))
PROPOSAL = Code(choices=tuple(ProposalKind.values))
LETTER = Code(choices=tuple(LetterKind.values))
WRONG = Code(choices=tuple(Wrong.values))
LATE_REASON = Code(choices=tuple(LateReason.values))

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
    EventType("original.seen", {}, ("L-14", "T-08")),
    EventType("case.right_added", {"right": RIGHT, "due_on": Day()}, ("T-11", "D-01")),
    EventType("case.assigned", {"to": StaffNo()}, ("L-14",)),
    EventType("case.recused", {}, ("L-14", "X-09")),
    EventType("case.recusal_lifted", {"officer": StaffNo()}, ("L-14", "X-09")),
    EventType("case.flagged", {"code": Code()}, ("L-02",)),
    EventType("case.purged_again", {"before": STATUS}, ("L-13", "L-23")),
    EventType("case.origin_confirmed", {}, ("T-08",)),
    EventType("case.outcome_set", {"outcome": Code(choices=tuple(Outcome.values))}, ("L-07",)),
    EventType(
        "case.code_renewed",
        {"counter": Count(), "way": Code(choices=tuple(IdentityWay.values))},
        ("L-09", "R-07"),
    ),
    EventType("receipt.printed", {"counter": Count()}, ("T-10", "C-10", "L-09")),
    EventType(
        "receipt.handed",
        {"how": Code(choices=tuple(PaperWay.values)), "counter": Count()},
        ("T-10", "L-09"),
    ),
    EventType("contact.postal_set", {}, ("T-08",)),
    EventType(
        "contact.change_asked",
        {
            "what": Code(choices=tuple(AddressKind.values)),
            "way": Code(choices=tuple(IdentityWay.values), optional=True),
        },
        ("L-09", "R-07"),
    ),
    EventType(
        "contact.change_stopped",
        {
            "what": Code(choices=tuple(AddressKind.values)),
            "how": Code(choices=tuple(StoppedBy.values)),
        },
        ("L-09",),
    ),
    EventType("contact.changed", {"what": Code(choices=tuple(AddressKind.values))}, ("L-09",)),
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
    EventType(
        "identity.asked",
        {
            "missing": Many(Code(choices=tuple(Missing.values))),
            "means": Many(Code(choices=tuple(Means.values))),
        },
        ("L-02", "T-07", "R-06"),
    ),
    EventType(
        "page.wished",
        {"kind": Code(choices=tuple(WayKind.values)), "entered_by": StaffNo(optional=True)},
        ("L-01", "T-07", "T-11"),
    ),
    EventType(
        "case.linked", {"kind": Code(choices=tuple(LinkKind.values))}, ("L-14", "R-05", "N-03")
    ),
    EventType(
        "case.unlinked", {"kind": Code(choices=tuple(LinkKind.values))}, ("L-14", "R-05", "N-03")
    ),
    EventType("page.taken_back", {}, ("T-11",)),
    EventType(
        "page.decided",
        {"pictures": Count(), "left": Count(), "locked": Count(), "erased": Count()},
        ("L-07", "G-01", "T-07"),
    ),
    EventType("page.unlock_proposed", {"verdict": Id()}, ("L-07", "G-01")),
    EventType("page.unlock_dropped", {"verdict": Id()}, ("L-07", "G-01")),
    EventType("page.unlocked", {"verdict": Id(), "records": Count()}, ("L-07", "G-01")),
    EventType("way.added", {"kind": Code(choices=tuple(WayKind.values))}, ("L-01", "T-11")),
    EventType(
        "case.clock_anew",
        {"from_day": Day(), "due_unrolled": Day(), "due_on": Day()},
        ("L-12", "D-07"),
    ),
    EventType(
        "case.date_ordered",
        {"authority": Code(), "due_on": Day(), "own_due_on": Day()},
        ("L-12", "L-17", "O-03"),
    ),
    EventType("identity.reminded", {}, ("D-08", "L-02")),
    EventType(
        "case.due_moved",
        {
            "why": Code(),
            "due_unrolled": Day(),
            "due_on": Day(),
            "paused_days": Count(),
            "months": Count(),
        },
        ("L-12", "D-06", "D-07"),
    ),
    EventType(
        "case.arrived_earlier", {"was": Day(), "arrived": Day(), "due_on": Day()}, ("L-12", "D-05")
    ),
    EventType(
        "clock.paused", {"ground": Code(choices=tuple(PauseGround.values))}, ("L-12", "D-07")
    ),
    EventType("clock.resumed", {"days": Count()}, ("L-12", "D-07")),
    EventType("proposal.made", {"kind": PROPOSAL, "needed": Count()}, ("L-07", "G-01")),
    EventType("proposal.agreed", {"kind": PROPOSAL, "left": Count()}, ("L-07", "G-01")),
    EventType(
        "proposal.dropped",
        {"kind": PROPOSAL, "how": Code(choices=tuple(ProposalState.values))},
        ("L-07",),
    ),
    EventType("letter.written", {"kind": LETTER}, ("L-09",)),
    EventType(
        "letter.sent", {"kind": LETTER, "document_id": Id(), "by_post": Flag()}, ("L-09", "L-12")
    ),
    EventType(
        "letter.returned",
        {"kind": LETTER, "reason": Code(choices=tuple(ReturnReason.values)), "on": Day()},
        ("L-09", "L-12", "D-07"),
    ),
    EventType(
        "letter.return_settled",
        {"kind": LETTER, "step": Code(choices=tuple(ReturnStep.values))},
        ("L-09", "D-07"),
    ),
    EventType("letter.failed", {"kind": LETTER, "reason": Code()}, ("L-09",)),
    EventType("letter.begun_again", {"kind": LETTER}, ("L-09",)),
    EventType("letter.dropped", {"kind": LETTER}, ("L-09", "D-07")),
    EventType(
        "extension.told",
        {"reason": Code(), "months": Count(), "letter": Id()},
        ("L-12", "D-06"),
    ),
    EventType(
        "wish.asked",
        {"right": RIGHT, "ground": Code(choices=tuple(PauseGround.values))},
        ("L-02", "D-07"),
    ),
    EventType(
        "wish.paused",
        {"right": RIGHT, "ground": Code(choices=tuple(PauseGround.values))},
        ("L-12", "D-07"),
    ),
    EventType("wish.resumed", {"right": RIGHT, "days": Count()}, ("L-12", "D-07")),
    EventType(
        "wish.due_moved",
        {
            "right": RIGHT,
            "why": Code(),
            "due_on": Day(),
            "paused_days": Count(),
            "months": Count(),
        },
        ("L-12", "D-06", "D-07"),
    ),
    *(
        EventType(name, {"right": RIGHT, "months": Count(), "letter": Id()}, ("L-12", "D-06"))
        for name in ("wish.extended", "wish.extension_void")
    ),
    EventType(
        "record.withheld",
        {
            "what": Code(choices=tuple(HeldBack.values)),
            "ground": Code(),
            "until": Day(optional=True),
        },
        ("L-07", "R-02", "E-03"),
    ),
    EventType(
        "record.exemption_lengthened",
        {"ground": Code(), "before": Day(), "until": Day(), "letter": Id()},
        ("L-07", "E-03", "R-01"),
    ),
    EventType(
        "correction.asked",
        {"what": WRONG, "due_on": Day(), "entered_by": StaffNo(optional=True)},
        ("E-01", "D-01"),
    ),
    EventType(
        "correction.settled",
        {
            "what": WRONG,
            "state": Code(choices=tuple(CorrectionState.values)),
            "ground": Code(optional=True),
            "agreed_by": StaffNo(optional=True),
        },
        ("E-01", "L-07", "R-01"),
    ),
    EventType("lock.asked", {"until": Day(), "entered_by": StaffNo(optional=True)}, ("E-08",)),
    EventType("lock.kept", {"until": Day()}, ("E-08",)),
    EventType(
        "lock.ending",
        {"why": Code(choices=tuple(LockEnd.values)), "ends_on": Day(), "letter": Id()},
        ("E-08", "L-09"),
    ),
    EventType("lock.ended", {"how": Code(choices=tuple(LockOver.values))}, ("E-08", "L-10")),
    EventType("extension.void", {}, ("L-12", "D-06")),
    EventType("case.late", {"missed_on": Day(), "new_date": Day(optional=True)}, ("L-12", "D-09")),
    EventType("case.late_again", {"missed_on": Day(), "promised": Day()}, ("L-12", "D-09")),
    EventType(
        "case.late_explained",
        {"reason": LATE_REASON, "new_date": Day(optional=True)},
        ("L-12", "D-09"),
    ),
    EventType(
        "case.escalated",
        {"code": Code(choices=tuple(Alarm.values)), "to": StaffNo()},
        ("D-04", "L-14"),
    ),
    EventType(
        "mail.taken",
        {
            "role": Code(choices=tuple(MailRole.values)),
            "arrived_by": Code(choices=tuple(ArrivedBy.values)),
            "arrived_on": Day(),
            "size": Count(),
            "parts": Count(),
            "trouble": Many(Code()),
        },
        ("T-08", "D-01", "L-01"),
    ),
    EventType("mail.bounced", {}, ("T-11", "L-09")),
    EventType(
        "mail.read",
        {
            "rights": Many(RIGHT),
            "added": Many(RIGHT),
            "taken_out": Many(RIGHT),
            "urgent": Flag(),
        },
        ("T-09", "L-01", "L-14"),
    ),
    EventType("mailbox.code_sent", {}, ("L-02",)),
    EventType("mailbox.confirmed", {}, ("L-02",)),
    EventType("case.complaint_pack", {"letters": Count()}, ("E-16",)),
    EventType("case.own_data", {"files": Count()}, ("E-10",)),
    EventType("message.received", {}, ("T-11",)),
    EventType("message.sorted", {"answers": Code(choices=answering.CODES)}, ("T-11", "D-07")),
    EventType(
        "came.entered",
        {
            "how": Code(choices=tuple(Came.values)),
            "what": Code(choices=tuple(Holds.values)),
            "on": Day(),
        },
        ("T-08", "T-11"),
    ),
    EventType("came.seen", {}, ("T-08",)),
    EventType("message.sent", {}, ("T-11",)),
    EventType("delivery.made", {"kind": KIND, "parts": Count()}, ("L-09",)),
    EventType("delivery.suspended", {"links": Count()}, ("L-09", "O-07")),
    EventType("delivery.resumed", {"links": Count()}, ("L-09", "O-07")),
    EventType(
        "delivery.released", {"kind": KIND, "approved_by": Code(), "until": Day()}, ("L-09",)
    ),
    EventType("delivery.opened", {"kind": KIND, "first": Flag()}, ("L-09",)),
    EventType("delivery.fetched", {"part": Count()}, ("L-09",)),
    EventType("delivery.locked", {"kind": KIND}, ("L-09",)),
    EventType("delivery.renewed", {"kind": KIND}, ("L-09",)),
    EventType("delivery.to_post", {"kind": KIND}, ("L-09", "T-13")),
    EventType("delivery.packed", {"kind": KIND, "pages": Count()}, ("L-09", "T-13")),
    EventType("delivery.posted", {"kind": KIND, "approved_by": Code()}, ("L-09", "T-13")),
    EventType("delivery.arrived", {"kind": KIND}, ("L-09", "T-13")),
    EventType(
        "delivery.returned",
        {"kind": KIND, "reason": Code(choices=tuple(ReturnReason.values)), "on": Day()},
        ("L-09", "T-13"),
    ),
    EventType(
        "delivery.return_settled",
        {"step": Code(choices=tuple(ReturnStep.values))},
        ("L-09", "T-13"),
    ),
    EventType(
        "proof.given",
        {
            "kind": Code(choices=tuple(DocumentKind.values)),
            "why": Code(choices=tuple(DocumentWhy.values)),
        },
        ("R-07", "R-08"),
    ),
    EventType("proof.taken", {}, ("R-08",)),
    EventType("proof.seen", {}, ("R-08",)),
    EventType("proof.covered", {}, ("R-08",)),
    EventType(
        "proof.checked",
        {
            "kind": Code(choices=tuple(DocumentKind.values)),
            "shows": Flag(),
            "on": Day(),
        },
        ("L-02", "R-08"),
    ),
    EventType(
        "proof.destroyed", {"how": Code(choices=tuple(DocumentEnd.values))}, ("R-08", "L-02")
    ),
    EventType("systems.entered", {"kind": SYSTEM}, ("A-17",)),
    EventType("systems.ended", {"kind": SYSTEM}, ("A-17",)),
    EventType("systems.none_stated", {}, ("A-17",)),
    EventType("systems.searched", {"outcome": SEARCHED}, ("A-17",)),
    EventType("systems.standing_proposed", {"kind": SYSTEM, "until": Day()}, ("A-17",)),
    EventType("systems.standing_agreed", {"kind": SYSTEM, "until": Day()}, ("A-17", "G-01")),
    EventType("systems.standing_ended", {"kind": SYSTEM}, ("A-17",)),
    EventType("systems.answered_by_standing", {"standing": Id(), "until": Day()}, ("A-17",)),
    EventType("systems.erased_there", {"erased": THERE}, ("A-17", "E-14")),
    EventType(
        "systems.file_added",
        {
            "media": FOUND,
            "bytes": Count(),
            "others": Code(choices=tuple(OthersInIt.values)),
        },
        ("A-17", "A-20"),
    ),
    EventType("systems.file_ended", {"media": FOUND}, ("A-17", "L-13")),
    EventType("phone.chosen", {}, ("T-12",)),
    EventType("phone.ended", {}, ("T-12",)),
    EventType(
        "phone.called",
        {"end": Code(), "check": Code(optional=True), "told": Many(Code())},
        ("T-12", "L-09"),
    ),
    EventType("paper.chosen", {}, ("T-13",)),
    EventType("paper.ended", {}, ("T-13",)),
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

TYPES += mandate_events.TYPES

for _type in TYPES:
    event_types.register(_type)


def _wish(p: Mapping[str, Any]) -> dict[str, Any]:
    return {"right": RightCode(p["right"]).label, "ground": PauseGround(p["ground"]).label}


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
    "original.seen": lambda p: _("The original was opened."),
    "case.right_added": lambda p: (
        _("A right was added: %(right)s. Due %(due)s.")
        % {"right": RightCode(p["right"]).label, "due": _day(p["due_on"])}
    ),
    "case.recused": lambda p: _("Somebody of staff does not work on this request."),
    "case.recusal_lifted": lambda p: (
        _("%(officer)s may work on this request again.") % {"officer": p["officer"]}
    ),
    "case.assigned": lambda p: _("The case was given to %(to)s.") % {"to": p["to"]},
    "case.flagged": lambda p: _("A flag was raised: %(code)s.") % {"code": p["code"]},
    "case.origin_confirmed": lambda p: _("Another person saw the original of the request."),
    "case.outcome_set": lambda p: (
        _("Outcome: %(outcome)s.") % {"outcome": Outcome(p["outcome"]).label}
    ),
    "case.code_renewed": lambda p: (
        _("A new receipt code was issued after a check (%(way)s); the old one ended.")
        % {"way": IdentityWay(p["way"]).label}
    ),
    "receipt.printed": lambda p: _("The confirmation with the receipt code was printed."),
    "receipt.handed": lambda p: (
        _("The confirmation with the receipt code left: %(how)s.")
        % {"how": PaperWay(p["how"]).label}
    ),
    "contact.postal_set": lambda p: _("A postal address was written down."),
    "contact.change_asked": lambda p: (
        _("A new address was given (%(what)s); it counts after 72 hours.")
        % {"what": AddressKind(p["what"]).label}
    ),
    "contact.change_stopped": lambda p: (
        _("The change of an address (%(what)s) was stopped %(how)s.")
        % {"what": AddressKind(p["what"]).label, "how": StoppedBy(p["how"]).label}
    ),
    "contact.changed": lambda p: (
        _("The new address counts (%(what)s).") % {"what": AddressKind(p["what"]).label}
    ),
    "case.delete_now": lambda p: _("The person asked to delete now."),
    "consent.given": lambda p: (
        _("Consent was given: %(scope)s.") % {"scope": ConsentScope(p["scope"]).label}
    ),
    "consent.withdrawn": lambda p: (
        _("Consent was withdrawn: %(scope)s.") % {"scope": ConsentScope(p["scope"]).label}
    ),
    "identity.recorded": _identity,
    "identity.lapsed": lambda p: _("Something new came: who is asking has to be checked again."),
    "identity.asked": lambda p: (
        ngettext(
            "We asked the person for more, with %(number)s way to choose from.",
            "We asked the person for more, with %(number)s ways to choose from.",
            len(p["means"]),
        )
        % {"number": len(p["means"])}
    ),
    "page.wished": lambda p: _(
        "The person asked that one page be dealt with without showing who they are."
    ),
    "case.linked": lambda p: _("The request was linked with another one."),
    "case.unlinked": lambda p: _("A link with another request was taken back."),
    "page.taken_back": lambda p: _("The wish about one page was taken back."),
    "page.decided": lambda p: (
        ngettext(
            "Two persons decided about %(pictures)s picture at what the person named.",
            "Two persons decided about %(pictures)s pictures at what the person named.",
            p["pictures"],
        )
        % {"pictures": p["pictures"]}
    ),
    "page.unlock_proposed": lambda p: _("Proposed: a locked picture is used again."),
    "page.unlock_dropped": lambda p: _("The picture stays locked."),
    "page.unlocked": lambda p: _("Two persons agreed that a locked picture is used again."),
    "way.added": lambda p: (
        _("The person named something else: %(kind)s.") % {"kind": WayKind(p["kind"]).label}
    ),
    "case.clock_anew": lambda p: (
        _("The month starts anew. Due %(due)s.") % {"due": _day(p["due_on"])}
    ),
    "identity.reminded": lambda p: _("The person was reminded of what we asked."),
    "case.due_moved": lambda p: _("The date moved. Due %(due)s.") % {"due": _day(p["due_on"])},
    "case.arrived_earlier": lambda p: (
        _("It arrived on %(day)s, not on %(was)s. Due %(due)s.")
        % {"day": _day(p["arrived"]), "was": _day(p["was"]), "due": _day(p["due_on"])}
    ),
    "clock.paused": lambda p: (
        _("The clock stands still: %(ground)s.") % {"ground": PauseGround(p["ground"]).label}
    ),
    "clock.resumed": lambda p: (
        ngettext(
            "The clock runs again after %(days)s day.",
            "The clock runs again after %(days)s days.",
            p["days"],
        )
        % {"days": p["days"]}
    ),
    "proposal.made": lambda p: _("Proposed: %(what)s.") % {"what": ProposalKind(p["kind"]).label},
    "proposal.agreed": lambda p: (
        _("Agreed to: %(what)s.") % {"what": ProposalKind(p["kind"]).label}
    ),
    "proposal.dropped": lambda p: (
        _("%(what)s: %(how)s.")
        % {"what": ProposalKind(p["kind"]).label, "how": ProposalState(p["how"]).label}
    ),
    "letter.written": lambda p: (
        _("A letter was written: %(kind)s.") % {"kind": LetterKind(p["kind"]).label}
    ),
    "letter.sent": lambda p: (
        _("A letter was sent: %(kind)s.") % {"kind": LetterKind(p["kind"]).label}
    ),
    "letter.returned": lambda p: (
        _("%(kind)s came back on %(on)s: %(reason)s.")
        % {
            "kind": LetterKind(p["kind"]).label,
            "on": _day(p["on"]),
            "reason": ReturnReason(p["reason"]).label,
        }
    ),
    "letter.return_settled": lambda p: (
        _("%(kind)s that came back: %(step)s.")
        % {"kind": LetterKind(p["kind"]).label, "step": ReturnStep(p["step"]).label}
    ),
    "letter.failed": lambda p: (
        _("A letter could not be sent: %(kind)s.") % {"kind": LetterKind(p["kind"]).label}
    ),
    "letter.begun_again": lambda p: (
        _("A letter is made once more: %(kind)s.") % {"kind": LetterKind(p["kind"]).label}
    ),
    "letter.dropped": lambda p: (
        _("A letter did not leave, for it was not needed any more: %(kind)s.")
        % {"kind": LetterKind(p["kind"]).label}
    ),
    "extension.told": lambda p: _("The person was told in time that it takes longer."),
    "wish.asked": lambda p: (
        _("We asked about a wish that was added (%(right)s): %(ground)s.") % _wish(p)
    ),
    "wish.paused": lambda p: (
        _("The clock of an added wish stands still (%(right)s): %(ground)s.") % _wish(p)
    ),
    "wish.resumed": lambda p: (
        ngettext(
            "The clock of an added wish (%(right)s) runs again after %(days)s day.",
            "The clock of an added wish (%(right)s) runs again after %(days)s days.",
            p["days"],
        )
        % {"right": RightCode(p["right"]).label, "days": p["days"]}
    ),
    "wish.due_moved": lambda p: (
        _("The date of an added wish (%(right)s) moved. Due %(due)s.")
        % {"right": RightCode(p["right"]).label, "due": _day(p["due_on"])}
    ),
    "wish.extended": lambda p: (
        _("The person was told in time that an added wish takes longer (%(right)s).")
        % {"right": RightCode(p["right"]).label}
    ),
    "wish.extension_void": lambda p: (
        _("The letter about an added wish (%(right)s) came too late: its period is not longer.")
        % {"right": RightCode(p["right"]).label}
    ),
    "record.withheld": lambda p: (
        _("One picture is held back %(what)s.") % {"what": HeldBack(p["what"]).label}
    ),
    "record.exemption_lengthened": lambda p: (
        _("One picture is kept longer: until %(day)s.") % {"day": _day(p["until"])}
    ),
    "correction.asked": lambda p: (
        _("The person says about one picture: %(what)s.") % {"what": Wrong(p["what"]).label}
    ),
    "correction.settled": lambda p: (
        _("Settled about one picture (%(what)s): %(state)s.")
        % {"what": Wrong(p["what"]).label, "state": CorrectionState(p["state"]).label}
    ),
    "lock.asked": lambda p: (
        _("The person wants the pictures locked as evidence until %(day)s.")
        % {"day": _day(p["until"])}
    ),
    "lock.kept": lambda p: (
        _("The lock as evidence goes on until %(day)s.") % {"day": _day(p["until"])}
    ),
    "lock.ending": lambda p: (
        _("The person is told that the lock ends on %(day)s: %(why)s.")
        % {"day": _day(p["ends_on"]), "why": LockEnd(p["why"]).label}
    ),
    "lock.ended": lambda p: (
        _("The lock as evidence ended: %(how)s.") % {"how": LockOver(p["how"]).label}
    ),
    "extension.void": lambda p: _("The letter came too late: the period is not longer."),
    "case.late": lambda p: _("The date was missed: %(day)s.") % {"day": _day(p["missed_on"])},
    "case.late_again": lambda p: (
        _("The promised date was missed too: %(day)s.") % {"day": _day(p["promised"])}
    ),
    "case.late_explained": lambda p: (
        _("Why it is late: %(reason)s.") % {"reason": LateReason(p["reason"]).label}
    ),
    "case.escalated": lambda p: (
        _("%(to)s was told: %(what)s.") % {"to": p["to"], "what": Alarm(p["code"]).label}
    ),
    "mail.taken": lambda p: (
        _("A mail of %(day)s was fetched: %(role)s.")
        % {"day": _day(p["arrived_on"]), "role": MailRole(p["role"]).label}
    ),
    "mail.bounced": lambda p: _("A mail of ours came back: it was not delivered."),
    "mail.read": lambda p: _("A mail was read: %(rights)s.") % {"rights": _rights(p) or "–"},
    "mailbox.code_sent": lambda p: _("A code was sent to the mailbox."),
    "mailbox.confirmed": lambda p: _("The mailbox was confirmed."),
    "case.own_data": lambda p: _("What the person gave us was downloaded by them."),
    "case.complaint_pack": lambda p: _("The papers for a complaint were downloaded."),
    "message.received": lambda p: _("The person wrote."),
    "message.sorted": lambda p: _(
        "It was said which question the words of the person answer, or that it is none."
    ),
    "came.entered": lambda p: (
        _("Entered what came on %(on)s (%(how)s): %(what)s.")
        % {"on": _day(p["on"]), "how": Came(p["how"]).label, "what": Holds(p["what"]).label}
    ),
    "came.seen": lambda p: _("Another person saw the original of a photo that came."),
    "message.sent": lambda p: _("We wrote to the person."),
    "delivery.made": lambda p: (
        _("%(kind)s approved; it leaves with the daily batch.")
        % {"kind": DeliveryKind(p["kind"]).label}
    ),
    "delivery.suspended": lambda p: _(
        "The person said that it shows somebody else. The link is closed."
    ),
    "delivery.resumed": lambda p: _("The link opens again."),
    "delivery.released": lambda p: (
        _("%(kind)s released; the link is open until %(until)s.")
        % {"kind": DeliveryKind(p["kind"]).label, "until": _day(p["until"])}
    ),
    "delivery.opened": lambda p: _("%(kind)s opened.") % {"kind": DeliveryKind(p["kind"]).label},
    "delivery.fetched": lambda p: _("Part %(part)s was fetched.") % {"part": p["part"]},
    "delivery.locked": lambda p: _("The link was locked after five wrong codes."),
    "delivery.renewed": lambda p: _("A new link was made."),
    "delivery.to_post": lambda p: (
        _("%(kind)s lies ready for the post.") % {"kind": DeliveryKind(p["kind"]).label}
    ),
    "delivery.packed": lambda p: (
        ngettext(
            "%(kind)s printed for the envelope, %(pages)s page.",
            "%(kind)s printed for the envelope, %(pages)s pages.",
            p["pages"],
        )
        % {"kind": DeliveryKind(p["kind"]).label, "pages": p["pages"]}
    ),
    "delivery.posted": lambda p: (
        _("%(kind)s posted, registered.") % {"kind": DeliveryKind(p["kind"]).label}
    ),
    "delivery.arrived": lambda p: (
        _("%(kind)s was handed over by the post.") % {"kind": DeliveryKind(p["kind"]).label}
    ),
    "delivery.returned": lambda p: (
        _("%(kind)s came back on %(on)s: %(reason)s.")
        % {
            "kind": DeliveryKind(p["kind"]).label,
            "on": _day(p["on"]),
            "reason": ReturnReason(p["reason"]).label,
        }
    ),
    "delivery.return_settled": lambda p: (
        _("What came back: %(step)s.") % {"step": ReturnStep(p["step"]).label}
    ),
    "proof.given": lambda p: (
        _("A document came: %(kind)s. %(why)s.")
        % {"kind": DocumentKind(p["kind"]).label, "why": DocumentWhy(p["why"]).label}
    ),
    "proof.taken": lambda p: _("The document was laid before an officer."),
    "proof.seen": lambda p: _("The officer looked at the document."),
    "proof.covered": lambda p: _("Parts of the document were covered; they are nowhere any more."),
    "proof.checked": lambda p: (
        (
            _("%(kind)s checked on %(on)s: it shows who asks.")
            if p["shows"]
            else _("%(kind)s checked on %(on)s: it does not show who asks.")
        )
        % {"kind": DocumentKind(p["kind"]).label, "on": _day(p["on"])}
    ),
    "proof.destroyed": lambda p: _("The picture of the document was destroyed."),
    "systems.entered": lambda p: (
        _("Another system was listed: %(kind)s.") % {"kind": SystemKind(p["kind"]).label}
    ),
    "systems.ended": lambda p: (
        _("Another system left the list: %(kind)s.") % {"kind": SystemKind(p["kind"]).label}
    ),
    "systems.none_stated": lambda p: _("A director stated that there are no other systems."),
    "systems.searched": lambda p: (
        _("Another system was looked at: %(outcome)s.")
        % {"outcome": SearchedOutcome(p["outcome"]).label}
    ),
    "systems.standing_proposed": lambda p: _("A standing answer for another system was proposed."),
    "systems.standing_agreed": lambda p: (
        _("A standing answer for another system is in force until %(until)s.")
        % {"until": _day(p["until"])}
    ),
    "systems.standing_ended": lambda p: _("A standing answer for another system ended."),
    "systems.answered_by_standing": lambda p: _(
        "A standing answer of two persons spoke for another system."
    ),
    "systems.erased_there": lambda p: (
        _("What another system held: %(erased)s.") % {"erased": ThereErased(p["erased"]).label}
    ),
    "systems.file_added": lambda p: _("A file found in another system was added."),
    "systems.file_ended": lambda p: _("A file found in another system was destroyed here."),
    "phone.chosen": lambda p: _("A call about the answer was asked for."),
    "phone.ended": lambda p: _("No call is wanted any more."),
    "phone.called": lambda p: _("A call about the answer was written down."),
    "paper.chosen": lambda p: _("The answer goes on paper, by registered post."),
    "paper.ended": lambda p: _("The answer goes by link again."),
    "case.info_asked": lambda p: _("We asked the person for something."),
    "case.info_received": lambda p: _("The person answered."),
    "case.identity_asked": lambda p: _("We asked for the identity check."),
    "case.search_started": lambda p: _("The search was started."),
    "case.search_repeated": lambda p: _("The search was started again."),
    "case.search_stopped": lambda p: _("The search was stopped."),
    "case.search_finished": lambda p: _("The search ended; people decide now."),
    "case.first_reviewed": lambda p: _("The first person decided."),
    "case.sent_back": lambda p: _("The comparison began anew with other people."),
    "case.decided": lambda p: _("The case is decided."),
    "case.delivered": lambda p: _("The answer was delivered."),
    "case.erasure_started": lambda p: _("Erasure started."),
    "case.erasure_stopped": lambda p: _("Erasure was stopped before it began."),
    "case.erasure_finished": lambda p: _("Erasure was verified."),
    "case.no_request": lambda p: _("Two people read the mail and found no request in it."),
    "case.withdrawn": lambda p: _("The person withdrew the request."),
    "case.closed": lambda p: _("The case was closed."),
    "case.date_ordered": lambda p: (
        _("The authority %(code)s ordered an answer until %(day)s.")
        % {"code": p["authority"], "day": _day(p["due_on"])}
    ),
    "case.answer_anew": lambda p: _("The answer is made anew without a picture."),
    "case.reopened": lambda p: _("The case was opened again."),
    "case.purged_again": lambda p: _("Contact data and file were destroyed before a restore."),
    "case.purged": lambda p: _("Contact data and file of the case were destroyed."),
}
for _name, _sentence in (SENTENCES | mandate_events.SENTENCES).items():
    sentences.register(_name, _sentence)
