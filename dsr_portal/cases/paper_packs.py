"""The print pack: cover letter and answer, packed by one person and posted by another (T-13, R13).

What is posted counts as delivered on the day it was given to the post, as any letter of ours: the
erasure is counted from it (R4), and waits neither for its arrival nor for a download.
"""

import re
from datetime import date
from uuid import UUID

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.accounts.models import Staff
from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import deliveries, paper, paper_notices
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Delivery, DeliveryKind, DeliveryState
from dsr_portal.cases.paper_models import PaperPack, PaperReturn
from dsr_portal.core import clock, links
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.documents import printing, statements
from dsr_portal.documents import services as documents
from dsr_portal.vault import services as vault

_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9 -]{5,38}[A-Z0-9]")

SHEET = statements.to_person(
    "paper_cover", statements.FACTS, "file", "page", law="Art. 12(1), 12(3); T-13"
)


def waiting(case: Case) -> list[Delivery]:
    """What lies ready for the post, oldest first."""
    rows = case.deliveries.filter(state=DeliveryState.TO_POST).select_related("pack")
    return list(rows.order_by("created_at"))


def posted(case: Case) -> list[PaperPack]:
    rows = PaperPack.objects.filter(delivery__case=case, posted_on__isnull=False)
    return list(rows.select_related("delivery").order_by("posted_on", "id"))


def print_pack(*, delivery_id: UUID, actor: Actor) -> bytes:
    """Cover letter and what it brings, as one file to print; who had it in hand is an event.

    It is made now and kept nowhere. Raises `NotAllowed`; `Conflict` with not_to_post, paper_waits.
    """
    require_outside_transaction("Printing an answer")
    require_reviewer(actor)
    delivery = _to_post(delivery_id)
    _require_not_opener(delivery.case, actor)
    paper_notices.require_may_leave(delivery.case, actor)
    papers = [
        documents.open_document(part.document_id)
        for part in delivery.parts.order_by("ordinal")
        if part.document_id is not None
    ]
    address = _address(delivery.case)
    cover = _cover(delivery, address, pages=sum(map(printing.page_count, papers)), actor=actor)
    pack = printing.joined([cover, *papers])
    with unit_of_work():
        lock(delivery.case_id)
        delivery = _to_post(delivery_id)
        if _address(delivery.case) != address:
            raise Conflict("address_changed", _("The address changed meanwhile. Print it again."))
        pages = printing.page_count(pack)
        PaperPack.objects.update_or_create(
            delivery=delivery,
            defaults={"packed_by": actor.id, "packed_at": clock.now(), "pages": pages},
        )
        record(
            "delivery.packed",
            actor=actor,
            case_id=delivery.case_id,
            subject_id=delivery.id,
            kind=delivery.kind,
            pages=pages,
        )
    return pack


def record_posted(*, delivery_id: UUID, actor: Actor, number: str) -> Delivery:
    """Another person read address and letter, and gave it to the post, registered, today.

    Raises `BadInput("number_unfit")`; `NotAllowed` with packed_it, opener_barred, wrote_it_down;
    `Conflict` with not_to_post, not_packed, paper_waits.
    """
    require_reviewer(actor)
    tracking = " ".join(number.upper().split())
    if not _NUMBER.fullmatch(tracking):
        raise BadInput(
            "number_unfit", _("Write the number of the registered letter as it stands on the slip.")
        )
    with unit_of_work():
        case = _locked_case(delivery_id)
        delivery = _to_post(delivery_id)
        pack = PaperPack.objects.select_for_update().filter(delivery=delivery).first()
        if pack is None:
            raise Conflict("not_packed", _("Print the pack first."))
        _require_not_opener(case, actor)
        paper_notices.require_may_leave(case, actor)
        if pack.packed_by == actor.id:
            raise NotAllowed(
                "packed_it", _("You packed it, so another person looks at it and posts it.")
            )
        pack.field = f"pack.{pack.id}"
        vault.write_small(case.file_unit, pack.field, tracking.encode())
        pack.posted_by, pack.posted_on = actor.id, clock.today()
        pack.save(update_fields=["field", "posted_by", "posted_on"])
        deliveries.leave_by_post(delivery, actor=actor)
    return delivery


def record_arrived(*, delivery_id: UUID, actor: Actor, on: date) -> PaperPack:
    """The post says that it was handed over: from then on the person knows what it says."""
    require_reviewer(actor)
    with unit_of_work():
        _locked_case(delivery_id)
        pack = PaperPack.objects.select_for_update().filter(delivery_id=delivery_id).first()
        if pack is None or pack.posted_on is None or pack.arrived_on is not None:
            raise Conflict("not_under_way", _("This letter is not under way."))
        if PaperReturn.objects.filter(delivery_id=delivery_id, field=pack.field).exists():
            raise Conflict("not_under_way", _("This letter is not under way."))
        if not pack.posted_on <= on <= clock.today():
            raise BadInput("day_unfit", _("Choose a day since it was posted, up to today."))
        pack.arrived_on = on
        pack.save(update_fields=["arrived_on"])
        deliveries.arrived(pack.delivery, actor=actor)
    return pack


def back_to_link(*, case_id: UUID, actor: Actor) -> None:
    """The person wants the link after all: what waits leaves that way, what was posted opens too.

    Links open for their usual time from today. Raises `Conflict("no_paper_wish")`.
    """
    paper.require_may(case_id, actor)
    with unit_of_work():
        case = lock(case_id)
        paper.end_wish(case, actor=actor)
        deliveries.open_links(case, actor=actor)


def number_of(pack: PaperPack) -> str:
    """The number of the registered letter; outside a transaction."""
    return vault.read(pack.delivery.case.file_unit, pack.field).decode() if pack.field else ""


def _cover(delivery: Delivery, address: str, *, pages: int, actor: Actor) -> bytes:
    case = delivery.case
    with translation.override(case.language):
        enclosed = ngettext("%(what)s, %(pages)s page", "%(what)s, %(pages)s pages", pages) % {
            "what": _what(delivery),
            "pages": pages,
        }
        return documents.render_signed(
            template="documents/letter.html",
            context={
                "to": address,
                "short_answer": _("You chose paper. With this letter you get what we have to say."),
                "facts": [
                    (_("Sent"), _("By registered post")),
                    (_("With this letter"), enclosed),
                ],
                "sections": _sections(),
                "sender": {"name": _name_of(actor), "role": ""},
            },
            language=case.language,
            title=_("Your request: our post to you"),
            kind=documents.Kind.LETTER,
            reference=case.reference,
            country=case.country or None,
            sheet=SHEET,
        )


def _name_of(actor: Actor) -> str:
    names = Staff.objects.filter(staff_no=actor.id).values_list("display_name", flat=True)
    return names.first() or str(settings.DSR_CONTROLLER["name"])


def _what(delivery: Delivery) -> str:
    words = {
        DeliveryKind.CERTIFICATE: _("the certificate of erasure"),
        DeliveryKind.LETTER: _("our letter"),
    }
    return words.get(DeliveryKind(delivery.kind), _("our answer to your request"))


def _sections() -> list[dict[str, object]]:
    controller = settings.DSR_CONTROLLER
    return [
        {
            "id": "file",
            "heading": _("If you want it as a file too"),
            "text": _(
                "No link opens what is in this letter, and files it names, such as data.json, are"
                " not enclosed. Call or write to us, and we open all of it on the page of your"
                " request, as long as we keep it. E-mail %(email)s, phone %(phone)s."
            )
            % controller,
        },
        {
            "id": "page",
            "heading": _("The page of your request"),
            "text": _("Reference and receipt code open it. There you see where we stand."),
            "rows": [(_("Page"), links.url_for("public", "public:status"))],
        },
    ]


def _address(case: Case) -> str:
    contact = vault.read_json(case.contact_unit, "contact")
    if not contact.get("postal"):
        raise BadInput("no_postal", _("Write down the postal address first."))
    return "\n".join(line for line in (contact.get("name", ""), contact["postal"]) if line)


def _to_post(delivery_id: UUID) -> Delivery:
    found = Delivery.objects.filter(id=delivery_id).select_related("case").first()
    if found is None:
        raise NotFound("no_delivery", _("There is no such letter."))
    if found.state != DeliveryState.TO_POST:
        raise Conflict("not_to_post", _("This does not wait for the post."))
    return found


def _locked_case(delivery_id: UUID) -> Case:
    """Case first, as everywhere."""
    found = Delivery.objects.filter(id=delivery_id).values_list("case_id", flat=True).first()
    if found is None:
        raise NotFound("no_delivery", _("There is no such letter."))
    return lock(found)


def _require_not_opener(case: Case, actor: Actor) -> None:
    if case.opener and case.opener == actor.id:
        raise NotAllowed(
            "opener_barred", _("You entered this request, so another person posts its answer.")
        )
