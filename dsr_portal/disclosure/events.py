from django.utils.translation import gettext as _

from dsr_portal.audit.schema import Code, Count, EventType, Hash, Id, Many
from dsr_portal.cases.models import Missing
from dsr_portal.core.registries import event_types, sentences

for _type in (
    EventType(
        "answer.frozen", {"kind": Code(), "records": Count(), "inconclusive": Count()}, ("L-07",)
    ),
    EventType(
        "answer.made",
        {
            "document_id": Id(),
            "sha256": Hash(),
            "package_sha256": Hash(optional=True),
            "package_size": Count(),
            "records": Count(),
            "covered": Count(),
            "faces": Count(),
            "exceptions": Count(),
            "redactor": Code(choices=("program",)),
        },
        ("L-06", "L-08"),
    ),
    EventType("answer.failed", {"reason": Code()}, ("L-08",)),
    EventType(
        "answer.approved",
        {"document_id": Id(), "sha256": Hash(), "package_sha256": Hash(optional=True)},
        ("L-07", "L-08", "G-01"),
    ),
    EventType(
        "answer.not_identified",
        {"reasons": Many(Code(choices=tuple(Missing.values)))},
        ("L-07", "L-02", "T-07"),
    ),
    EventType("answer.set_aside", {"reason": Code()}, ("L-07",)),
    EventType("answer.replaced", {}, ("L-07", "C-09")),
    EventType("answer.package_shredded", {"units": Count()}, ("L-13", "P-06")),
):
    event_types.register(_type)

sentences.register("answer.frozen", lambda p: _("What the answer is about was fixed."))
sentences.register("answer.made", lambda p: _("The answer was made."))
sentences.register("answer.failed", lambda p: _("The answer could not be made."))
sentences.register("answer.approved", lambda p: _("A person approved the answer."))
sentences.register(
    "answer.not_identified",
    lambda p: _("An officer wrote why nobody can tell which records are the person's."),
)
sentences.register("answer.set_aside", lambda p: _("A prepared answer was set aside."))
sentences.register(
    "answer.replaced",
    lambda p: _("An answer that left was closed and is made anew without a picture."),
)
sentences.register("answer.package_shredded", lambda p: _("The answer package was deleted."))
