from django.utils.translation import gettext as _

from dsr_portal.audit.schema import Code, Count, EventType, Flag, Hash, Number, StaffNo
from dsr_portal.core.registries import event_types, sentences
from dsr_portal.policy.assessment_models import AiClass, ReviewWhy

event_types.register(
    EventType(
        "policy.proposed",
        {"setting": Code(), "version": Count(), "value": Number(), "old": Number()},
        ("L-15",),
    )
)
event_types.register(
    EventType("policy.advised", {"setting": Code(), "version": Count()}, ("G-02", "G-04"))
)
event_types.register(
    EventType("policy.rejected", {"setting": Code(), "version": Count()}, ("L-15",))
)
event_types.register(
    EventType("policy.approved", {"setting": Code(), "version": Count()}, ("L-15", "G-01"))
)
event_types.register(
    EventType("policy.adopted", {"setting": Code(), "version": Count()}, ("L-15", "G-01"))
)
event_types.register(
    EventType(
        "policy.calibration_filed",
        {
            "version": Count(),
            "content": Hash(),
            "people": Count(),
            "enrolled": Count(),
            "review_threshold": Number(),
            "strong_threshold": Number(),
            "serves": Code(choices=("at_once", "waits")),
        },
        ("L-15",),
    )
)
for _step in ("begun", "written", "submitted", "advised", "sent_back"):
    event_types.register(
        EventType(f"assessment.{_step}", {"version": Count()}, ("L-15", "G-01", "G-02"))
    )
event_types.register(
    EventType(
        "assessment.approved",
        {
            "version": Count(),
            "advised_by": StaffNo(),
            "ai_class": Code(choices=tuple(AiClass.values)),
        },
        ("L-15", "G-01", "G-02"),
    )
)
event_types.register(
    EventType(
        "assessment.review_opened",
        {"setting": Code(), "value": Number(), "why": Code(choices=tuple(ReviewWhy.values))},
        ("L-15",),
    )
)
event_types.register(
    EventType("assessment.review_closed", {"setting": Code(), "covered": Flag()}, ("L-15",))
)
event_types.register(
    EventType(
        "installation.changed",
        {
            "setting": Code(),
            "old": Code(optional=True),
            "old_hash": Hash(optional=True),
            "new": Code(optional=True),
            "new_hash": Hash(),
            "assessment": Count(optional=True),
        },
        ("L-15",),
    )
)
event_types.register(
    EventType(
        "installation.explained",
        {
            "setting": Code(),
            "change": Count(),
            "why": Code(choices=("law", "decision", "new_version", "mistake", "other_machine")),
        },
        ("L-15", "G-01"),
    )
)
sentences.register(
    "installation.changed", lambda p: _("A setting of the installation is another one than before.")
)
sentences.register(
    "installation.explained", lambda p: _("A person said why a setting was changed.")
)
sentences.register("policy.adopted", lambda p: _("A member of staff took a proposal over."))
sentences.register(
    "policy.calibration_filed",
    lambda p: (
        _("Thresholds were measured; they serve at once.")
        if p.get("serves") == "at_once"
        else _("Thresholds were measured; two persons decide about them.")
    ),
)
sentences.register("policy.proposed", lambda p: _("A change of a setting was proposed."))
sentences.register("policy.approved", lambda p: _("A change of a setting was approved."))
sentences.register("policy.advised", lambda p: _("The data protection officer gave advice."))
sentences.register("policy.rejected", lambda p: _("A change of a setting was rejected."))
sentences.register("assessment.approved", lambda p: _("A director approved the impact assessment."))
sentences.register(
    "assessment.review_opened", lambda p: _("The impact assessment has to be looked at again.")
)
