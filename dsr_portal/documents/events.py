"""What the trail says about documents; `document.made` ties the printed head to the file."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from dsr_portal.audit.schema import Code, Count, EventType, Hash, Id
from dsr_portal.core.registries import event_types, sentences
from dsr_portal.documents.models import Kind

event_types.register(
    EventType(
        "document.made",
        fields={
            "document_id": Id(),
            "kind": Code(choices=tuple(Kind.values)),
            "sha256": Hash(),
            "size": Count(),
            "pages": Count(),
            "language": Code(),
            "template": Hash(),
            "printed_head": Count(),
            "printed_head_hash": Hash(),
        },
        law=("L-08", "L-20"),
    ),
)


def _made(payload: Mapping[str, Any]) -> str:
    kind = Kind(payload["kind"]).label
    return _("%(kind)s written and signed, %(pages)s pages.") % {
        "kind": kind,
        "pages": payload["pages"],
    }


sentences.register("document.made", _made)
