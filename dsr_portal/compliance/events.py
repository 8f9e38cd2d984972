from django.utils.translation import gettext as _

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
    Moment,
    StaffNo,
)
from dsr_portal.compliance.accountable_models import Duty
from dsr_portal.compliance.models import (
    Basis,
    BreachKind,
    DirectorKind,
    MeasureKind,
    OrderAlarmCode,
    Penalty,
    Pictures,
    Spared,
)
from dsr_portal.compliance.processor_models import ProcessorRole
from dsr_portal.core.registries import event_types, sentences

SPARED = Code(choices=tuple(Spared.values))
DIRECTOR = Code(choices=tuple(DirectorKind.values))
PROCESSOR = Code(choices=tuple(ProcessorRole.values))
MEASURE = Code(choices=tuple(MeasureKind.values))
NAMED: dict[str, Field] = {
    "duty": Code(choices=tuple(Duty.values)),
    "who": StaffNo(),
    "stands_in": Flag(),
    "from_on": Day(),
    "until_on": Day(optional=True),
}

for _type in (
    EventType("oversight.granted", {"authority": Code(), "until": Day()}, ("L-17", "O-06")),
    EventType("oversight.viewed", {"authority": Code(), "what": Code()}, ("L-14", "O-06")),
    EventType("oversight.report_requested", {"authority": Code()}, ("L-17",)),
    EventType(
        "oversight.report_made",
        {
            "document_id": Id(),
            "sha256": Hash(),
            "trail_verified": Flag(),
            "first_broken": Count(optional=True),
            "missing": Many(Code(), most=14),
        },
        ("L-17", "L-25"),
    ),
    EventType("oversight.report_failed", {"reason": Code()}, ("L-17",)),
    EventType(
        "order.entered",
        {
            "authority": Code(),
            "basis": Code(choices=tuple(Basis.values)),
            "served_on": Day(),
            "due_on": Day(),
            "penalty": Code(choices=tuple(Penalty.values)),
            "owner": StaffNo(),
            "sha256": Hash(),
        },
        ("L-17", "O-01", "O-02"),
    ),
    EventType(
        "order.measure_added",
        {
            "measure": Id(),
            "kind": MEASURE,
            "cases": Count(),
            "country": Code(optional=True),
            "language": Code(optional=True),
            "with_place": Flag(),
        },
        ("L-17", "O-02", "O-03"),
    ),
    EventType("order.scope_signed", {"measure": Id(), "kind": MEASURE}, ("L-17", "G-01")),
    EventType("order.measure_stated", {"measure": Id(), "kind": MEASURE}, ("L-17", "G-01")),
    EventType(
        "order.checked",
        {"passing": Count(), "failing": Count(), "unchecked": Count()},
        ("L-17", "O-02"),
    ),
    EventType(
        "order.escalated",
        {"code": Code(choices=tuple(OrderAlarmCode.values)), "to": StaffNo()},
        ("L-17", "O-04"),
    ),
    EventType("order.open_again", {"failing": Count()}, ("L-17", "O-02")),
    EventType("order.complied", {"sha256": Hash(), "late_days": Count()}, ("L-17", "G-01", "O-02")),
    EventType("order.acknowledged", {"on_day": Day()}, ("L-17", "O-02")),
    EventType("order.challenged", {"suspensive": Flag()}, ("L-17", "O-05")),
    EventType("order.ended", {}, ("L-17", "O-05")),
    EventType("order.file_read", {"what": Code()}, ("L-14", "L-17")),
    EventType(
        "breach.opened",
        {"kind": Code(choices=tuple(BreachKind.values)), "aware_at": Moment(), "due_at": Moment()},
        ("L-17", "O-07"),
    ),
    EventType(
        "breach.described",
        {"people": Count(optional=True), "records": Count(optional=True)},
        ("L-17", "O-07"),
    ),
    EventType(
        "breach.notice_made",
        {"authority": Code(), "document_id": Id(), "sha256": Hash()},
        ("L-17", "O-07"),
    ),
    EventType("breach.notified", {"at": Moment(), "hours_late": Count()}, ("L-17", "O-07")),
    EventType("breach.spare_proposed", {"what": SPARED}, ("L-17", "G-01")),
    EventType("breach.spare_agreed", {"what": SPARED}, ("L-17", "G-01")),
    EventType("breach.spare_turned_down", {"what": SPARED}, ("L-17", "G-01")),
    EventType("breach.person_told", {"letter": Id()}, ("L-17", "O-07")),
    EventType("breach.case_reopened", {}, ("L-17", "O-07")),
    EventType("breach.closed", {}, ("L-17", "O-07")),
    EventType("order.destroyed", {"settled_on": Day(), "years": Count()}, ("L-17", "L-23")),
    EventType(
        "breach.destroyed",
        {"closed_on": Day(), "years": Count(), "told": Count()},
        ("L-17", "L-23"),
    ),
    EventType(
        "retention.held",
        {
            "authority": Code(),
            "pictures": Code(choices=tuple(Pictures.values)),
            "source": Id(optional=True),
        },
        ("L-17", "L-23"),
    ),
    EventType("retention.end_proposed", {"authority": Code()}, ("G-01", "L-23")),
    EventType("retention.end_turned_down", {"authority": Code()}, ("G-01", "L-23")),
    EventType("retention.hold_ended", {"authority": Code()}, ("G-01", "L-23")),
    EventType("director.served", {"kind": DIRECTOR, "to": StaffNo()}, ("G-01", "L-16")),
    EventType("accountable.named", NAMED, ("G-01", "L-16")),
    EventType("accountable.agreed", NAMED, ("G-01", "L-16")),
    EventType("accountable.ended", NAMED, ("G-01", "L-16")),
    EventType(
        "director.served_again",
        {"kind": DIRECTOR, "to": StaffNo(), "times": Count()},
        ("G-01", "L-16"),
    ),
    EventType("director.settled", {"kind": DIRECTOR, "by": Day()}, ("G-01", "L-16")),
    EventType(
        "board.report_made",
        {"month": Day(), "document_id": Id(), "sha256": Hash()},
        ("G-01", "L-18"),
    ),
    EventType("processor.entered", {"role": PROCESSOR}, ("G-01", "L-15")),
    EventType("processor.ended", {"role": PROCESSOR}, ("G-01", "L-15")),
    EventType("statement.written", {"stopped_on": Day()}, ("G-01",)),
    EventType("statement.signed", {"stopped_on": Day()}, ("G-01",)),
    EventType("director.read", {"kind": DIRECTOR}, ("G-01", "L-16")),
    EventType(
        "director.answered",
        {
            "kind": DIRECTOR,
            "acts": Flag(),
            "who": StaffNo(optional=True),
            "by": Day(optional=True),
        },
        ("G-01", "L-16"),
    ),
    EventType("collection.lift_proposed", {}, ("L-15", "G-01")),
    EventType("collection.lift_turned_down", {}, ("L-15", "G-01")),
):
    event_types.register(_type)

sentences.register("accountable.named", lambda p: _("A director named an accountable person."))
sentences.register("accountable.agreed", lambda p: _("An accountable person agreed."))
sentences.register("accountable.ended", lambda p: _("The time of an accountable person ended."))
sentences.register(
    "oversight.granted",
    lambda p: _("The case was opened to the authority %(code)s.") % {"code": p["authority"]},
)
sentences.register("oversight.viewed", lambda p: _("An authority looked at the case."))
sentences.register("oversight.report_requested", lambda p: _("An audit report was asked for."))
sentences.register("oversight.report_made", lambda p: _("An audit report was made."))
sentences.register("oversight.report_failed", lambda p: _("An audit report could not be made."))
sentences.register("breach.opened", lambda p: _("A breach was opened in the register."))
sentences.register(
    "breach.case_reopened", lambda p: _("The answer showed somebody else: another one is made.")
)
sentences.register("breach.person_told", lambda p: _("The person was written to about a breach."))
