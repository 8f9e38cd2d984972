"""The certificate of erasure: what was erased, checked, kept and not covered (law 9(c), E-14).

Each sentence stands for a row of the plan or of its checks; what was not checked is printed as
not checked (R15, R30). The kit is destroyed after it, last of all.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.audit.services import record
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, DeliveryKind, Outcome
from dsr_portal.cases.moves import lock
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import IntegrityFailure
from dsr_portal.documents import services as documents
from dsr_portal.documents.models import Document, Kind
from dsr_portal.documents.templatetags.documents import day, moment
from dsr_portal.erasure import kit as kits
from dsr_portal.erasure import steps, words
from dsr_portal.erasure.models import (
    Plan,
    PlanRecord,
    PlanState,
    Verification,
    VerificationState,
)
from dsr_portal.erasure.verification import Finding, write
from dsr_portal.gallery import selectors as gallery
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.errors import Transient
from dsr_portal.matching import selectors as matching
from dsr_portal.vault import services as vault

ACTOR = Actor.system("erasure")
TEMPLATE = "documents/certificate.html"
State = VerificationState
_CHECKED = (State.VERIFIED,)


def run(ctx: JobContext) -> None:
    """Job erasure.certificate: the document, then the kit's end, then the case closes."""
    plan = Plan.objects.select_related("case").filter(id=ctx.subject_id).first()
    if plan is None or plan.verified_at is None or plan.state == PlanState.DONE:
        return
    if plan.document_id is None:
        _make_document(ctx, plan)
    steps.fault("made.certificate")
    _destroy_kit(ctx, plan)
    steps.fault("destroyed.kit")
    with ctx.complete():
        _close(plan)


def _make_document(ctx: JobContext, plan: Plan) -> None:
    case = plan.case
    with translation.override(case.language):
        prepared = documents.prepare_document(
            kind=Kind.CERTIFICATE,
            case_id=case.id,
            reference=case.reference,
            template=TEMPLATE,
            context=context(plan),
            language=case.language,
            title=_("Certificate of erasure"),
            country=case.country or None,
        )
    with ctx.checkpoint():
        document = prepared.save(actor=ACTOR)
        plan.document_id = document.id
        plan.save(update_fields=["document_id"])


def _destroy_kit(ctx: JobContext, plan: Plan) -> None:
    if plan.kit_unit is None:
        return
    with ctx.checkpoint():
        if vault.request_shred([plan.kit_unit], reason="kit_used"):
            record(
                "erasure.kit_destroyed",
                actor=ACTOR,
                case_id=plan.case_id,
                subject_id=plan.id,
                expired=False,
            )
    steps.fault("ordered.kit")
    report = vault.run_shred()
    if not report.done or vault.unit_state(plan.kit_unit) != vault.UnitState.SHREDDED:
        raise Transient("keys_wait", "", why=report.blocked)


def _close(plan: Plan) -> None:
    """E-14: no case with an erasure closes without its certificate laid ready."""
    case = lock(plan.case_id)
    approver = Actor(plan.approver, plan.approver_role, "staff")
    document = certified(case)
    if document is None or document.id != plan.document_id:
        raise IntegrityFailure("certificate_missing", "The certificate of this plan is not there.")
    delivery = cases.make_delivery(
        case=case,
        kind=DeliveryKind.CERTIFICATE,
        parts=[
            cases.Part(
                name=f"{case.reference}-certificate.pdf",
                media_type="application/pdf",
                document_id=document.id,
                size=document.size,
            )
        ],
        actor=approver,
    )
    write(plan, [Finding("kit", State.VERIFIED, "key_destroyed", examined=1)])
    plan.state, plan.done_at, plan.delivery_id = PlanState.DONE, clock.now(), delivery.id
    plan.save(update_fields=["state", "done_at", "delivery_id"])
    record(
        "erasure.certified",
        actor=ACTOR,
        case_id=case.id,
        subject_id=plan.id,
        document_id=document.id,
        sha256=document.sha256,
        delivery=delivery.id,
    )
    cases.advance(case=case, action=Action.ERASURE_DONE, actor=ACTOR, outcome=Outcome.ERASED)
    cases.run_purgers(case_id=case.id, actor=ACTOR, reason="closed")


# -- what it says ---------------------------------------------------------------------------------


def context(plan: Plan) -> dict[str, Any]:
    """The template's context; opens the kit for the list of addresses, outside a transaction."""
    rows = list(plan.verifications.order_by("checked_at", "store"))
    kit = kits.open_kit(plan)
    links = kit.links if kit is not None else []
    sections = [
        _erased(plan, links),
        _places(rows),
        _recipients(plan),
        _not_again(),
        _kept(plan),
        _not_covered(rows),
        _later(plan),
    ]
    return {
        "short_answer": short_answer(plan, rows),
        "facts": _facts(plan, rows),
        "contents": [(section["id"], section["heading"]) for section in sections],
        "sections": sections,
    }


def _counts(plan: Plan) -> tuple[int, int]:
    """Pictures that went as a whole, and pictures in which the face was covered."""
    by_picture: dict[str, set[Any]] = {kind: set() for kind in PlanRecord.Picture.values}
    for row in plan.records.select_related("record"):
        by_picture[row.picture].add(row.record.image_id)
    return len(by_picture[PlanRecord.Picture.WHOLE]), len(by_picture[PlanRecord.Picture.COVERED])


def short_answer(plan: Plan, rows: Iterable[Verification]) -> str:
    whole, covered = _counts(plan)
    number = whole + covered
    open_places = [row for row in rows if row.state not in _CHECKED and row.store != "kit"]
    checked = [row for row in rows if row.state in _CHECKED]
    said = [
        ngettext(
            "Your %(number)s picture and its face code are deleted.",
            "Your %(number)s pictures and their face codes are deleted.",
            number,
        )
        % {"number": number}
    ]
    if covered:
        said.append(
            ngettext(
                "In %(covered)s of them other people stay; your face in it is covered.",
                "In %(covered)s of them other people stay; your face in them is covered.",
                covered,
            )
            % {"covered": covered}
        )
    said.append(
        ngettext(
            "Afterwards we checked %(places)s place and found nothing of them.",
            "Afterwards we checked %(places)s places and found nothing of them.",
            len(checked),
        )
        % {"places": len(checked)}
    )
    if open_places:
        said.append(
            ngettext(
                "%(places)s place is still open or could not be checked: see the list.",
                "%(places)s places are still open or could not be checked: see the list.",
                len(open_places),
            )
            % {"places": len(open_places)}
        )
    return " ".join(said)


def _facts(plan: Plan, rows: list[Verification]) -> list[tuple[str, str]]:
    whole, covered = _counts(plan)
    verified = sum(row.state == State.VERIFIED for row in rows)
    return [
        (_("Pictures deleted"), str(whole)),
        (_("Pictures with your face covered"), str(covered)),
        (_("Face codes deleted"), str(plan.records.count())),
        (_("Places verified"), f"{verified} / {len(rows)}"),
    ]


def _erased(plan: Plan, links: list[list[str]]) -> dict[str, Any]:
    whole, covered = _counts(plan)
    started, keys = plan.started_at, plan.steps.filter(store="keys").first()
    points = [
        ngettext(
            "%(number)s picture as a whole, with its addresses, caption and other columns",
            "%(number)s pictures as a whole, with their addresses, captions and other columns",
            whole,
        )
        % {"number": whole}
    ]
    if covered:
        points.append(
            ngettext(
                "%(number)s picture of several people: your face was covered by a solid area, the "
                "caption was removed, the old picture was deleted",
                "%(number)s pictures of several people: your face was covered by a solid area, "
                "the caption was removed, the old pictures were deleted",
                covered,
            )
            % {"number": covered}
        )
    number = plan.records.count()
    points += [
        ngettext(
            "%(number)s face code with its cut-out and the purposes given for look-ups",
            "%(number)s face codes with their cut-outs and the purposes given for look-ups",
            number,
        )
        % {"number": number},
        _("their rows in the search index, in memory and in its files"),
        _("the photo you sent with your request"),
    ]
    return {
        "id": "erased",
        "heading": _("What was deleted, and when"),
        "text": _("It began on %(start)s. The keys were destroyed on %(end)s.")
        % {"start": moment(started), "end": moment(keys.finished_at if keys else None)},
        "points": points,
        "table": {
            "caption": _("Where the pictures came from"),
            "heads": [_("Address"), _("What was done")],
            "rows": [(address, words.fate(fate)) for address, fate in links if address],
        }
        if links
        else None,
    }


def _places(rows: list[Verification]) -> dict[str, Any]:
    return {
        "id": "places",
        "heading": _("Where we looked afterwards"),
        "text": _(
            "VERIFIED: a check at that time found nothing. PENDING: it ends on the date named. "
            "UNVERIFIED: no check was possible. NEEDS PERSON: somebody has to act or state it."
        ),
        "table": {
            "caption": _("Result for each place"),
            "heads": [_("Place"), _("Result"), _("How it was checked"), _("When")],
            "rows": [
                (
                    words.store(row.store),
                    _result(row),
                    words.method(row.method, row.examined),
                    moment(row.checked_at),
                )
                for row in rows
            ],
        },
    }


def _result(row: Verification) -> str:
    label = str(State(row.state).label)
    if row.state == State.PENDING and row.until is not None:
        return _("%(state)s, until %(day)s") % {"state": label, "day": moment(row.until)}
    return label


def _recipients(plan: Plan) -> dict[str, Any]:
    ids = list(plan.records.values_list("record_id", flat=True))
    known: dict[tuple[str, str], datetime] = {}
    for fact in gallery.recipients_of(ids):
        who = (fact.recipient, fact.country)
        known[who] = max(fact.at, known.get(who, fact.at))
    if not known:
        logs = gallery.lookup_coverage()
        text = (
            _("The logs we have name nobody who was shown your pictures.")
            if logs
            else _("No logs of look-ups were recorded, so we can't say who was shown them.")
        )
        return {"id": "recipients", "heading": _("Who was shown your pictures"), "text": text}
    return {
        "id": "recipients",
        "heading": _("Who was shown your pictures"),
        "text": _(
            "These recipients must be told of this erasure (Art. 19 GDPR). On the day of this "
            "document they had not been told yet."
        ),
        "table": {
            "caption": _("Recipients"),
            "heads": [_("Recipient"), _("Country"), _("Last shown on"), _("Told")],
            "rows": [
                (name, country, day(last), _("not yet"))
                for (name, country), last in sorted(known.items())
            ],
        },
    }


def _not_again() -> dict[str, Any]:
    return {
        "id": "not-again",
        "heading": _("How we keep it from coming back"),
        "text": _(
            "The exact files and the addresses they came from are on a block list, as keyed "
            "hashes. An import refuses them. This does not stop a copy at another address, a "
            "changed file or another picture of you. No face code is kept to recognise you."
        ),
    }


def _kept(plan: Plan) -> dict[str, Any]:
    package = plan.verifications.filter(store="answer_package").first()
    rows = [
        (
            _("Trail of what we did"),
            _("dates, codes and numbers without name or picture, as proof (Art. 5(2) GDPR)"),
        ),
        (_("Block list"), _("keyed hashes of files and addresses, until you end it")),
        (
            _("List of destroyed keys"),
            _("numbers without picture, so that a backup can't bring your data back unnoticed"),
        ),
        (_("Your contact data"), _("until 30 days after this case closes")),
    ]
    if package is not None and package.until is not None:
        rows.append(
            (
                _("Our answer to you"),
                _("sealed; it contains your pictures and is deleted by %(day)s at the latest")
                % {"day": day(package.until)},
            )
        )
    return {"id": "kept", "heading": _("What we keep, and why"), "rows": rows}


def _not_covered(rows: list[Verification]) -> dict[str, Any]:
    backups = next((row for row in rows if row.store == "backups"), None)
    points = [
        _("The websites the pictures were collected from, and search engines: ask them yourself."),
        _("Copies that recipients made for themselves."),
        _("A person with full rights on our running machines during the erasure."),
        _("What a disk may keep of overwritten areas: not tested."),
        _("The memory of programs other than the face search: not tested."),
    ]
    if backups is not None and backups.method == "none_registered":
        points.append(
            _(
                "Backups: none is registered here. One that exists anyway can't be opened "
                "without the keys we destroyed, unless somebody copied those too."
            )
        )
    return {
        "id": "not-covered",
        "heading": _("What this certificate does not cover"),
        "points": points,
    }


def _later(plan: Plan) -> dict[str, Any]:
    search = matching.latest_search(plan.case_id)
    text = _("A face search can miss pictures. You can send another request at any time.")
    if search is not None and search.finished_at is not None:
        text = (
            _(
                "The last search for you ended on %(when)s and compared %(compared)s of "
                "%(enrolled)s faces. Pictures collected later are not part of it."
            )
            % {
                "when": moment(search.finished_at),
                "compared": search.compared,
                "enrolled": search.enrolled,
            }
            + " "
            + text
        )
    return {"id": "later", "heading": _("Pictures this is not about"), "text": text}


def certified(case: Case) -> Document | None:
    """The certificate of a case, once it is made."""
    return Document.objects.filter(case_id=case.id, kind=Kind.CERTIFICATE).order_by("-id").first()
