"""The certificate of erasure: what was erased, checked, kept and not covered (law 9(c), E-14).

A PDF for people and a signed JSON for machines, made from the same rows at the same moment.

Each sentence stands for a row of the plan or of its checks; what was not checked is printed as
not checked (R15, R30). The kit is destroyed after it, last of all.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.audit import services as audit
from dsr_portal.audit.services import record
from dsr_portal.cases import exemptions, other_systems, standing_answers
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, DeliveryKind, Outcome, Withheld
from dsr_portal.cases.moves import lock
from dsr_portal.cases.other_models import SearchedOutcome
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import IntegrityFailure
from dsr_portal.documents import services as documents
from dsr_portal.documents.models import Document, Kind
from dsr_portal.documents.statements import FACTS, to_person
from dsr_portal.documents.templatetags.documents import day, moment
from dsr_portal.erasure import duplicates, grounds, services, signed, steps, words
from dsr_portal.erasure import kit as kits
from dsr_portal.erasure.models import (
    Plan,
    PlanRecord,
    PlanState,
    PlanUnit,
    Verification,
    VerificationState,
    WaitCode,
)
from dsr_portal.erasure.verification import Finding, write
from dsr_portal.gallery import face_blocks, notices, statements
from dsr_portal.gallery import selectors as gallery
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.errors import Transient
from dsr_portal.matching import selectors as matching
from dsr_portal.vault import services as vault

ACTOR = Actor.system("erasure")
TEMPLATE = "documents/certificate.html"
SHEET = to_person(
    "certificate",
    FACTS,
    *("erased", "places", "recipients", "not-again", "kept", "not-covered", "later", "machines"),
    law="Art. 12(3), 17(1), 19, 5(2); E-04, E-12, E-14, rule R30",
)
JSON = "json"
VERIFIER = "verifier"
State = VerificationState


def run(ctx: JobContext) -> None:
    """Job erasure.certificate: the document, then the kit's end, then the case closes."""
    plan = Plan.objects.select_related("case").filter(id=ctx.subject_id).first()
    if plan is None or plan.verified_at is None or plan.state == PlanState.DONE:
        return
    if plan.document_id is None and not plan.own:
        # Before the document, which prints what the case has of each system.
        with ctx.checkpoint():
            standing_answers.answer_for(lock(plan.case_id), actor=ACTOR)
    reason = None if plan.document_id else services.certificate_waits(plan)
    if reason is not None:
        _wait(ctx, plan, reason)
        return
    if plan.document_id is None:
        _make_document(ctx, plan)
    steps.fault("made.certificate")
    _destroy_kit(ctx, plan)
    steps.fault("destroyed.kit")
    with ctx.complete():
        _close(plan)


def _wait(ctx: JobContext, plan: Plan, reason: WaitCode) -> None:
    """E-07, A-17: it is erased, and not confirmed while people have something to do or to state.

    The kit ends all the same (R30); the addresses it lists lie sealed in the case's file until the
    certificate prints them.
    """
    kit = kits.open_kit(plan)
    if kit is not None:
        aside = vault.stage_into(plan.case.file_unit)
        aside.add_json(_links_field(plan), kit.links)
        with ctx.checkpoint():
            aside.save()
        _destroy_kit(ctx, plan)
    with ctx.complete():
        services.wait_with_certificate(plan, reason)


def _links_field(plan: Plan) -> str:
    return f"erased.{plan.id}"


def _links(plan: Plan) -> list[list[str]]:
    """Addresses of what was erased: from the kit, or set aside where the certificate waited."""
    kit = kits.open_kit(plan)
    if kit is not None:
        return kit.links
    unit, name = plan.case.file_unit, _links_field(plan)
    return list(vault.read_json(unit, name)) if vault.has(unit, name) else []


def _make_document(ctx: JobContext, plan: Plan) -> None:
    case = plan.case
    head = audit.head()
    with translation.override(case.language):
        said = context(plan)
        machine = json.dumps(signed.signed(payload(plan, said, head)), indent=1).encode()
        prepared = documents.prepare_document(
            kind=Kind.CERTIFICATE,
            case_id=case.id,
            reference=case.reference,
            template=TEMPLATE,
            context=said,
            language=case.language,
            title=_("Certificate of erasure"),
            country=case.country or None,
            attachments={signed.NAME: machine, signed.VERIFIER: signed.verifier()},
            head=head,
            sheet=SHEET,
            also=[
                *(["grounds"] if plan.grounds.exists() else []),
                *([] if plan.own else ["other-systems"]),
            ],
        )
    # One life: who destroys the document destroys these with it.
    prepared.staged.add(JSON, machine)
    prepared.staged.add(VERIFIER, signed.verifier())
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
    """E-14: no case with an erasure closes without its certificate laid ready.

    One by our own decision about a named page stays sealed and moves nothing (R2, R6).
    """
    case = lock(plan.case_id)
    approver = Actor.decided_by(plan.approver, plan.approver_role)
    document = certified(case)
    if document is None or document.id != plan.document_id:
        raise IntegrityFailure("certificate_missing", "The certificate of this plan is not there.")
    delivery = None
    if not plan.own:
        delivery = cases.make_delivery(
            case=case,
            kind=DeliveryKind.CERTIFICATE,
            parts=_parts(case, document),
            actor=approver,
        ).id
    write(plan, [Finding("kit", State.VERIFIED, "key_destroyed", examined=1)])
    notices.confirm(case_id=case.id)
    plan.state, plan.done_at, plan.delivery_id = PlanState.DONE, clock.now(), delivery
    plan.save(update_fields=["state", "done_at", "delivery_id"])
    record(
        "erasure.certified",
        actor=ACTOR,
        case_id=case.id,
        subject_id=plan.id,
        document_id=document.id,
        sha256=document.sha256,
        delivery=delivery,
    )
    if plan.own:
        return  # sealed with the documents of the case: the letter the person had says it all (R3)
    cases.advance(case=case, action=Action.ERASURE_DONE, actor=ACTOR, outcome=Outcome.ERASED)
    cases.run_purgers(case_id=case.id, actor=ACTOR, reason="closed")


def _parts(case: Case, document: Document) -> list[cases.Part]:
    """The PDF, the same for machines, and the program that checks the latter."""
    return [
        cases.Part(
            name=f"{case.reference}-certificate.pdf",
            media_type="application/pdf",
            document_id=document.id,
            size=document.size,
        ),
        cases.Part(
            name=f"{case.reference}-{signed.NAME}",
            media_type="application/json",
            unit=document.unit,
            field=JSON,
        ),
        cases.Part(
            name=signed.VERIFIER, media_type="text/x-python", unit=document.unit, field=VERIFIER
        ),
    ]


# -- what it says ---------------------------------------------------------------------------------


def context(plan: Plan) -> dict[str, Any]:
    """The template's context; opens the kit for the list of addresses, outside a transaction."""
    rows = places_of(plan)
    sections = [
        _erased(plan, _links(plan)),
        *_grounds(plan),
        _places(rows),
        *_other_systems(plan),
        _recipients(plan),
        *_copies(plan),
        _not_again(plan),
        _kept(plan),
        _not_covered(rows),
        _later(plan),
        _machines(),
    ]
    return {
        "short_answer": short_answer(plan, rows),
        "facts": _facts(plan, rows),
        "contents": [(section["id"], section["heading"]) for section in sections],
        "sections": sections,
    }


def places_of(plan: Plan) -> list[Verification]:
    """The checks a certificate counts and lists.

    Without the kit: it is no place that held something before, its end is an event of its own.
    """
    return list(plan.verifications.exclude(store="kit").order_by("checked_at", "store"))


def _verified(rows: Sequence[Verification]) -> int:
    return sum(row.state == State.VERIFIED for row in rows)


def payload(plan: Plan, said: dict[str, Any], head: audit.Head) -> dict[str, Any]:
    """What the JSON states: the rows behind the PDF's sentences, and those sentences (`said`)."""
    rows = places_of(plan)
    whole, covered = _counts(plan)
    keys = plan.steps.filter(store="keys").first()
    sections = {section["id"]: section for section in said["sections"]}
    backups = next((row for row in rows if row.store == "backups"), None)
    return {
        "reference": plan.case.reference,
        "controller": signed.controller(),
        "demo": bool(settings.DSR_DEMO),
        "language": plan.case.language,
        "made_at": clock.now().isoformat(),
        "scope": {
            "pictures_whole": whole,
            "pictures_covered": covered,
            "face_codes": plan.records.count(),
            "began_at": _iso(plan.started_at),
            "keys_destroyed_at": _iso(keys.finished_at if keys else None),
        },
        "grounds": [
            {"ground": row.ground, "article": grounds.article_of(row.ground)}
            for row in plan.grounds.order_by("ground")
        ],
        "stores": [_as_data(row) for row in rows],
        "other_systems": [
            {
                "name": one.system.name,
                "kind": one.system.kind,
                "outcome": one.outcome or SearchedOutcome.NOT_HERE.value,
                "for_all_until": one.standing.until.isoformat() if one.standing else None,
                "erased": one.erased or None,
            }
            for one in ([] if plan.own else other_systems.lines(plan.case))
        ],
        "summary": {
            "places": len(rows),
            "verified": _verified(rows),
            "open": len(rows) - _verified(rows),
        },
        "kept": [{"what": what, "why": why} for what, why in sections["kept"]["rows"]],
        "not_covered": [str(point) for point in sections["not-covered"]["points"]],
        "backups": {} if backups is None else _as_data(backups),
        "audit_head": {"number": head.number, "hash": head.hash},
        "later": str(sections["later"]["text"]),
    }


def _as_data(row: Verification) -> dict[str, Any]:
    return {
        "store": row.store,
        "state": State(row.state).name.replace("_", " "),
        "method": row.method,
        "examined": row.examined,
        "found": row.found,
        "canary_found": row.canary_found,
        "checked_at": row.checked_at.isoformat(),
        "until": _iso(row.until),
    }


def _iso(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()


def _counts(plan: Plan) -> tuple[int, int]:
    """Pictures that went as a whole, and pictures in which the face was covered."""
    whole: set[Any] = set()
    covered: set[Any] = set()
    for row in plan.records.select_related("record"):
        alone = row.picture == PlanRecord.Picture.WHOLE
        (whole if alone else covered).add(row.record.image_id)
    whole |= {image.id for image in duplicates.pictures_that_go(plan)}
    return len(whole), len(covered)


def short_answer(plan: Plan, rows: Sequence[Verification]) -> str:
    whole, covered = _counts(plan)
    number = whole + covered
    checked = _verified(rows)
    open_places = len(rows) - checked
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
            checked,
        )
        % {"places": checked}
    )
    if open_places:
        said.append(
            ngettext(
                "%(places)s place is still open or could not be checked: see the list.",
                "%(places)s places are still open or could not be checked: see the list.",
                open_places,
            )
            % {"places": open_places}
        )
    return " ".join(said)


def _facts(plan: Plan, rows: list[Verification]) -> list[tuple[str, str]]:
    whole, covered = _counts(plan)
    return [
        (_("Pictures deleted"), str(whole)),
        (_("Pictures with your face covered"), str(covered)),
        (_("Face codes deleted"), str(plan.records.count())),
        (_("Places verified"), f"{_verified(rows)} / {len(rows)}"),
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
    points += _decided(plan)
    number = plan.records.count()
    points += [
        ngettext(
            "%(number)s face code with its cut-out and the purposes given for look-ups",
            "%(number)s face codes with their cut-outs and the purposes given for look-ups",
            number,
        )
        % {"number": number},
        _("their rows in the search index, in memory and in its files"),
    ]
    photos = plan.units.filter(holds=PlanUnit.Holds.PROBE).count()
    if photos:
        points.append(
            ngettext(
                "the photo you sent with your request",
                "the photos you sent with your request",
                photos,
            )
        )
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


def _grounds(plan: Plan) -> list[dict[str, Any]]:
    """Why it had to be deleted (law E-02); plans frozen before grounds were kept have none."""
    told = grounds.told(plan)
    if not told:
        return []
    return [
        {
            "id": "grounds",
            "heading": _("Why we had to delete it"),
            "text": _("One ground is enough. These are the ones we found."),
            "rows": told,
        }
    ]


def _decided(plan: Plan) -> list[str]:
    """Who decided about shared pictures (X-14), and whether by the rule."""
    shared = plan.records.exclude(picture=PlanRecord.Picture.WHOLE)
    chosen = shared.filter(by_rule=False).values("record__image_id").distinct().count()
    points = []
    if shared.filter(by_rule=True).exists():
        points.append(
            _("in shared pictures the rule was followed: the face is covered, the others stay")
        )
    if chosen:
        points.append(
            ngettext(
                "for %(number)s shared picture a person decided which parts stay",
                "for %(number)s shared pictures a person decided which parts stay",
                chosen,
            )
            % {"number": chosen}
        )
    return points


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


def _other_systems(plan: Plan) -> list[dict[str, Any]]:
    """What was stated of systems beside this portal, as statements of people (law A-17, E-14).

    One by our own decision asked nobody, and claims nothing of them.
    """
    if plan.own:
        return []
    said = other_systems.lines(plan.case)
    none = other_systems.none_stated()
    section = {"id": "other-systems", "heading": _("Other systems of ours")}
    if not said:
        return [
            {
                **section,
                "text": _("On %(day)s a director stated that no other system of ours holds data.")
                % {"day": day(none.stated_at if none else None)},
            }
        ]
    return [
        {
            **section,
            "text": _(
                "Nothing was deleted in these by the program, and it checked none of them. What "
                "stands here is what our people stated."
            ),
            "rows": [row for one in said for row in _system_rows(one)],
        }
    ]


def _system_rows(line: other_systems.Line) -> list[tuple[str, str]]:
    """The result in one system; where something was found, what became of it there."""
    name = line.system.name
    if line.standing is not None:
        return [
            (
                name,
                _("Not searched for you: it can hold nothing, as two of our people decided"),
            ),
            (_("In our words"), line.words),
        ]
    if line.outcome != SearchedOutcome.FOUND:
        rows = [(name, f"{line.outcome_words} ({day(line.at)})")]
        return [*rows, *([(_("In our words"), line.words)] if line.words else [])]
    rows = [(name, f"{line.erased_words} ({day(line.erased_at)})"), (_("It held"), line.words)]
    return [*rows, *([(_("In our words"), line.erased_why)] if line.erased_why else [])]


def _result(row: Verification) -> str:
    label = str(State(row.state).label)
    if row.state == State.PENDING and row.until is not None:
        return _("%(state)s, until %(day)s") % {"state": label, "day": moment(row.until)}
    return label


def _recipients(plan: Plan) -> dict[str, Any]:
    known = [one for one in gallery.recipients_told(plan.case_id) if one.ground == "ERASURE"]
    heading = _("Who was shown your pictures")
    if not known:
        return {"id": "recipients", "heading": heading, "text": _nobody_in_logs()}
    return {
        "id": "recipients",
        "heading": heading,
        "text": _(
            "We tell each of these recipients of this erasure (Art. 19 GDPR), after this document "
            "has left for you. Whom we reached and what they answered stands on the page of your "
            "request."
        )
        + " "
        + _spans(),
        "table": {
            "caption": _("Recipients"),
            "heads": [_("Recipient"), _("Country"), _("Last shown on"), _("On this day")],
            "rows": [(one.recipient, one.country, day(one.last_shown), one.words) for one in known],
        },
    }


def _copies(plan: Plan) -> list[dict[str, Any]]:
    """Steps towards others who published a copy, where there were any (Art. 17(2), law E-07)."""
    tasks = [one for one in gallery.copies_of(plan.case_id) if one.settled_at is not None]
    if not tasks:
        return []
    return [
        {
            "id": "copies",
            "heading": _("Others who published a copy"),
            "text": _("We asked others to take down copies and links (Art. 17(2) GDPR)."),
            "table": {
                "caption": _("What we did"),
                "heads": [_("Who"), _("Last step"), _("What came of it")],
                "rows": [
                    (
                        task.controller,
                        day(max(step.at for step in steps)) if steps else "–",
                        task.get_result_display(),
                    )
                    for task in tasks
                    for steps in [list(task.steps.all())]
                ],
            },
        }
    ]


def _nobody_in_logs() -> str:
    """Nobody is said for a covered period only (R16)."""
    if not gallery.lookup_coverage():
        return _("No logs of look-ups were recorded, so we can't say who was shown them.")
    return _("The logs we have name nobody who was shown your pictures.") + " " + _spans()


def _spans() -> str:
    """From when to when the logs go, for which systems (R16)."""
    spans = "; ".join(
        _("%(system)s from %(start)s to %(end)s")
        % {"system": log.system, "start": day(log.covers_from), "end": day(log.covers_to)}
        for log in gallery.lookup_coverage()
    )
    return _("This is as good as the logs it comes from: %(spans)s.") % {"spans": spans}


def _not_again(plan: Plan) -> dict[str, Any]:
    return {
        "id": "not-again",
        "heading": _("How we keep it from coming back"),
        "text": _(
            "The exact files and the addresses they came from are on a block list, as keyed "
            "hashes. An import refuses them. This does not stop a copy at another address, a "
            "changed file or another picture of you."
        )
        + " "
        + _face_block_words(plan),
    }


def _face_block_words(plan: Plan) -> str:
    block = face_blocks.standing(plan.case_id)
    if block is None:
        return _("No face code is kept to recognise you.")
    return _(
        "As you allowed, a protected face code of yours is kept apart until %(day)s. Only an "
        "import asks it; a picture as like you as our threshold is not taken. It can miss "
        "pictures of you. You can end it on the page of your request."
    ) % {"day": day(block.until)}


def _contact_until(kept: Sequence[Withheld]) -> str:
    if kept:
        return _("until 30 days after the last picture that we keep is deleted")
    return _("until 30 days after this case closes")


def _kept(plan: Plan) -> dict[str, Any]:
    kept = [] if plan.own else exemptions.standing(plan.case)
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
        (_("Your contact data"), _contact_until(kept)),
    ]
    rows += [
        (
            _("A picture of you, and its face code"),
            _(
                "locked and out of the search until %(day)s; our answer or a later letter says why"
                " (Art. 17(3) GDPR)"
            )
            % {"day": day(one.until)},
        )
        for one in kept
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


def _query_pictures() -> str:
    """The product's query pictures and stored results: stated with name and date, or not (R16)."""
    stated = statements.current()
    if stated is None:
        return _(
            "Pictures that customers of the product sent in, and results it stored. The "
            "controller made no statement to us about them."
        )
    return _(
        "Pictures that customers of the product sent in, and results it stored. %(name)s stated "
        "on %(day)s: “%(words)s” We did not check this."
    ) % {"name": stated.name, "day": day(stated.stated_on), "words": stated.words}


def _not_covered(rows: list[Verification]) -> dict[str, Any]:
    backups = next((row for row in rows if row.store == "backups"), None)
    points = [
        _("The websites the pictures were collected from, and search engines: ask them yourself."),
        _("Copies that recipients made for themselves."),
        _query_pictures(),
        _("A person with full rights on our running machines during the erasure."),
        _("What a disk may keep of overwritten areas: not tested."),
        _("The memory of programs other than the face search: not tested."),
        _(
            "Gone means: from each place in the list above, with the check named there. Whether we "
            "change the trail later is noticed by who kept the entry printed below."
        ),
    ]
    if backups is not None and backups.state == State.PENDING:
        points.append(
            _(
                "Backups made before: the last one is removed by %(day)s. What was deleted can't "
                "be opened in them without the keys we destroyed; a restore deletes it again."
            )
            % {"day": day(backups.until)}
        )
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
    if search is not None and search.finished_at is not None and not search.compares:
        text = (
            _("What you named was looked up on %(when)s; no face was compared.")
            % {"when": moment(search.finished_at)}
            + " "
            + _("Pictures collected later, and those elsewhere, are not part of it.")
        )
    elif search is not None and search.finished_at is not None:
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


def _machines() -> dict[str, Any]:
    return {
        "id": "machines",
        "heading": _("The same for machines"),
        "text": _(
            "With this document comes %(json)s, signed with a key of its own, and %(program)s, "
            "which checks it without us: python %(program)s %(json)s --key and the key below. "
            "Compare the key with one you got in another way."
        )
        % {"json": signed.NAME, "program": signed.VERIFIER},
        "rows": [(_("Public key (Ed25519)"), signed.public_key())],
    }


def certified(case: Case) -> Document | None:
    """The certificate of a case, once it is made."""
    return Document.objects.filter(case_id=case.id, kind=Kind.CERTIFICATE).order_by("-id").first()
