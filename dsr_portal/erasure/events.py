"""What the trail keeps of an erasure: plan, steps, keys, checks, certificate (law L-10, E-15)."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.audit.schema import Code, Count, EventType, Flag, Hash, Id, Many, Moment
from dsr_portal.core.registries import event_types, sentences
from dsr_portal.erasure.models import Duplicate, PlanRecord, VerificationState, WaitCode
from dsr_portal.law.articles import ErasureGround

LAW = ("L-10", "E-04", "E-15")
GROUNDS = Code(choices=tuple(one.value for one in ErasureGround))
STATES = Code(choices=tuple(VerificationState.values))

TYPES = (
    EventType(
        "erasure.planned",
        {
            "records": Count(),
            "pictures_whole": Count(),
            "pictures_covered": Count(),
            "hold_until": Moment(),
            "approver": Code(),
        },
        LAW,
    ),
    EventType(
        "erasure.grounds_chosen",
        {"grounds": Many(GROUNDS, most=7), "own_words": Flag()},
        ("E-02", "L-07"),
    ),
    EventType(
        "erasure.grounded",
        {"grounds": Many(GROUNDS, most=7), "by_rule": Count()},
        ("E-02", "L-07", "L-10"),
    ),
    EventType("erasure.waits", {"reason": Code(choices=tuple(WaitCode.values))}, ("L-10", "A-16")),
    EventType(
        "erasure.duplicates_looked_for",
        {"examined": Count(), "proposed": Count()},
        ("E-04", "L-10"),
    ),
    EventType(
        "erasure.duplicate_decided",
        {"verdict": Code(choices=tuple(Duplicate.Verdict.values)), "settled": Flag()},
        ("E-04", "L-10"),
    ),
    EventType(
        "erasure.picture_decided",
        {"picture": Code(choices=tuple(PlanRecord.Picture.values)), "records": Count()},
        ("L-10", "A-15"),
    ),
    EventType(
        "erasure.retirement_began",
        {
            "source": Id(),
            "pictures": Count(),
            "records": Count(),
            "days": Count(),
            "term_version": Count(),
        },
        ("N-08", "A-08", "A-16"),
    ),
    EventType(
        "erasure.retired",
        {"units": Count(), "ledger_first": Count(), "ledger_last": Count()},
        ("N-08", "L-10"),
    ),
    EventType("erasure.retirement_checked", {"units": Count(), "index_rows": Count()}, ("N-08",)),
    EventType("erasure.retirement_failed", {"units": Count(), "index_rows": Count()}, ("N-08",)),
    EventType("erasure.stopped", {"records": Count()}, ("L-10", "E-01")),
    EventType("erasure.started", {"steps": Count()}, LAW),
    EventType(
        "erasure.step_done",
        {"ordinal": Count(), "store": Code(), "step": Code(), "counted": Count()},
        LAW,
    ),
    EventType(
        "erasure.shredded",
        {"units": Count(), "ledger_first": Count(), "ledger_last": Count()},
        LAW,
    ),
    EventType(
        "erasure.verified",
        {
            "verified": Count(),
            "pending": Count(),
            "unverified": Count(),
            "needs_person": Count(),
            "stores": Many(Code(), most=48),
            "states": Many(STATES, most=48),
            "backups_until": Moment(optional=True),
        },
        LAW,
    ),
    EventType(
        "erasure.verification_failed",
        {"stores": Many(Code(), most=48), "found": Count(), "during": Code()},
        LAW,
    ),
    EventType(
        "erasure.checked_again",
        {"found": Count(), "stores": Count(), "with_package": Flag()},
        ("E-04",),
    ),
    EventType("erasure.kit_destroyed", {"expired": Flag()}, LAW),
    EventType(
        "erasure.certified",
        {"document_id": Id(), "sha256": Hash(), "delivery": Id(optional=True)},
        ("E-14",),
    ),
    EventType(
        "erasure.restore_done",
        {
            "units": Count(),
            "rows": Count(),
            "shards": Count(),
            "files": Count(),
            "damaged": Count(),
            "jobs_freed": Count(),
            "mails_held": Count(),
        },
        ("E-15",),
    ),
)
for _type in TYPES:
    event_types.register(_type)


def _planned(payload: Mapping[str, Any]) -> str:
    return ngettext(
        "The erasure of %(records)s record was planned.",
        "The erasure of %(records)s records was planned.",
        payload["records"],
    ) % {"records": payload["records"]}


sentences.register("erasure.planned", _planned)
sentences.register(
    "erasure.waits",
    lambda p: _("The erasure waits: %(why)s.") % {"why": WaitCode(p["reason"]).label},
)
sentences.register(
    "erasure.duplicates_looked_for",
    lambda p: (
        _("Copies were looked for among %(examined)s pictures; %(proposed)s look alike.")
        % {"examined": p["examined"], "proposed": p["proposed"]}
    ),
)
sentences.register(
    "erasure.duplicate_decided",
    lambda p: (
        _("A picture that looks alike was decided: %(what)s.")
        % {"what": Duplicate.Verdict(p["verdict"]).label}
    ),
)
sentences.register(
    "erasure.picture_decided",
    lambda p: (
        _("A shared picture was decided: %(what)s.")
        % {"what": PlanRecord.Picture(p["picture"]).label}
    ),
)
sentences.register(
    "erasure.retirement_began",
    lambda p: (
        _("The term of %(pictures)s pictures of a source ended: they are taken out.")
        % {"pictures": p["pictures"]}
    ),
)
sentences.register(
    "erasure.retired",
    lambda p: (
        _("Pictures whose term ended are gone; %(units)s keys were destroyed.")
        % {"units": p["units"]}
    ),
)
sentences.register(
    "erasure.retirement_checked",
    lambda p: _("It was checked that nothing is left of pictures whose term ended."),
)
sentences.register(
    "erasure.retirement_failed",
    lambda p: _("A check FAILED: something is left of pictures whose term ended."),
)
sentences.register(
    "erasure.stopped",
    lambda p: _("The erasure was stopped in its hold window; nothing had been erased."),
)
sentences.register("erasure.started", lambda p: _("The erasure began."))
sentences.register(
    "erasure.step_done",
    lambda p: (
        _("Step %(ordinal)s is done: %(store)s, %(step)s.")
        % {"ordinal": p["ordinal"], "store": p["store"], "step": p["step"]}
    ),
)
sentences.register(
    "erasure.shredded",
    lambda p: (
        ngettext(
            "The key of %(units)s unit was destroyed.",
            "The keys of %(units)s units were destroyed.",
            p["units"],
        )
        % {"units": p["units"]}
    ),
)
sentences.register(
    "erasure.verified",
    lambda p: (
        _(
            "The erasure was checked: %(verified)s stores verified, %(pending)s pending, "
            "%(unverified)s not verified, %(person)s need a person."
        )
        % {
            "verified": p["verified"],
            "pending": p["pending"],
            "unverified": p["unverified"],
            "person": p["needs_person"],
        }
    ),
)
sentences.register(
    "erasure.verification_failed",
    lambda p: _("A check of the erasure FAILED: %(stores)s.") % {"stores": ", ".join(p["stores"])},
)
sentences.register(
    "erasure.checked_again",
    lambda p: (
        _("The erasure was checked again: %(stores)s places, %(found)s things found.")
        % {"stores": p["stores"], "found": p["found"]}
    ),
)
sentences.register(
    "erasure.kit_destroyed", lambda p: _("The patterns used for the checks were destroyed.")
)
sentences.register("erasure.certified", lambda p: _("The certificate of erasure was made."))
