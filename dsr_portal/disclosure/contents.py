"""What an answer says, from rows and checks made at that moment (law 9(a), 9(b); rules R15-R17).

Nothing here is a fixed claim: a sentence whose fact was not checked is not printed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.core import clock, links
from dsr_portal.disclosure.models import Answer, AnswerKind
from dsr_portal.disclosure.pictures import Shown
from dsr_portal.documents.templatetags.documents import day, moment
from dsr_portal.gallery import connector
from dsr_portal.gallery import selectors as gallery
from dsr_portal.gallery.models import Record
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.models import Candidate
from dsr_portal.policy import selectors as policy
from dsr_portal.recognition import services as recognition

_NOT_RECORDED = "-"


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything an answer is made from, read once so that PDF and package say the same."""

    answer: Answer
    records: tuple[Record, ...]
    facts: dict[UUID, list[Any]]
    shown: dict[UUID, Shown]
    models: dict[UUID, recognition.ModelFacts]
    bands: dict[UUID, str]
    look_ups: list[gallery.LookUpFact]
    logs: list[gallery.LogCoverage]
    coverage: gallery.Coverage
    inconclusive: int
    probe_received: datetime | None


def gather(answer: Answer, records: Sequence[Record], shown: dict[UUID, Shown]) -> Gathered:
    """Read what the answer needs; outside a transaction, for it opens vault fields."""
    held = connector.current()
    ids = [record.id for record in records]
    outcome = matching.outcome(answer.case_id)
    return Gathered(
        answer=answer,
        records=tuple(records),
        facts={record.id: list(held.all_facts(record.image_id)) for record in records},
        shown=shown,
        models=recognition.template_facts(ids),
        bands=dict(
            Candidate.objects.filter(case_id=answer.case_id, record_id__in=ids).values_list(
                "record_id", "band"
            )
        ),
        look_ups=gallery.recipients_of(ids),
        logs=gallery.lookup_coverage(),
        coverage=gallery.coverage(),
        inconclusive=len(outcome.inconclusive) if outcome else 0,
        probe_received=answer.search.probe.received_at,
    )


def context(gathered: Gathered) -> dict[str, Any]:
    """The template's context: the first page, records, sections in the order of law 9(a)."""
    sections = _sections(gathered)
    found = gathered.answer.kind == AnswerKind.DISCLOSURE
    records = [
        _record_block(gathered, number, record)
        for number, record in enumerate(gathered.records, start=1)
    ]
    contents = [(section["id"], section["heading"]) for section in sections]
    if found:
        contents.insert(1, ("records", _("The pictures we hold of you")))
    return {
        "short_answer": _short_answer(gathered),
        "facts": _first_facts(gathered),
        "contents": contents,
        "compared": sections[0],
        "records": records,
        "sections": sections[1:],
        "recipients": _recipients_table(gathered),
        "found": found,
    }


def _short_answer(gathered: Gathered) -> str:
    if gathered.answer.kind == AnswerKind.NOTHING_FOUND:
        return _(
            "We did not find pictures of you. Two people checked. A face search can miss "
            "pictures: you can try again with another photo or a link, as often as you like."
        )
    number = len(gathered.records)
    return ngettext(
        "Yes, we hold data about you: %(number)s picture with your face.",
        "Yes, we hold data about you: %(number)s pictures with your face.",
        number,
    ) % {"number": number}


def _first_facts(gathered: Gathered) -> list[tuple[str, str]]:
    search = gathered.answer.search
    recipients = {fact.recipient_id for fact in gathered.look_ups}
    facts = [
        (_("Pictures of you"), str(len(gathered.records))),
        (_("Faces compared"), f"{search.compared} / {search.enrolled}"),
    ]
    if gathered.answer.kind == AnswerKind.DISCLOSURE:
        facts.append((_("Shown to"), _companies(len(recipients))))
    else:
        facts.append((_("Checked by"), _("two people")))
    return facts


def _companies(number: int) -> str:
    return ngettext("%(number)s recipient", "%(number)s recipients", number) % {"number": number}


def _sections(gathered: Gathered) -> list[dict[str, Any]]:
    made = [_what_we_compared(gathered)]
    if gathered.answer.kind == AnswerKind.DISCLOSURE:
        made += [
            _face_code(gathered),
            _purposes(gathered),
            _recipients(gathered),
            _sources(gathered),
            _retention(),
            _transfers(),
        ]
    made += [_automatic(), _rights(gathered), _left_out(gathered), _request_data(gathered)]
    if gathered.answer.kind == AnswerKind.DISCLOSURE:
        made.append(_wrong_person())
    return made


def _what_we_compared(gathered: Gathered) -> dict[str, Any]:
    """The three claims of R15, never merged."""
    search, coverage = gathered.answer.search, gathered.coverage
    rows = [
        (
            _("Index check"),
            _("Your photo of %(day)s was compared with %(compared)s of %(enrolled)s faces.")
            % {
                "day": day(gathered.probe_received),
                "compared": search.compared,
                "enrolled": search.enrolled,
            }
            + " "
            + _("There was no limit in time. The search ended on %(when)s.")
            % {"when": moment(search.finished_at)},
        ),
        (
            _("Coverage"),
            _(
                "Of %(pictures)s pictures in the source systems %(searchable)s have a face we can "
                "search. %(not_searchable)s could not be searched: %(unreadable)s could not be "
                "read, in %(faceless)s no face was found, %(pending)s are not imported yet. "
                "Counted on %(when)s."
            )
            % {
                "pictures": coverage.pictures,
                "searchable": coverage.searchable,
                "not_searchable": coverage.not_searchable,
                "unreadable": coverage.unreadable,
                "faceless": coverage.faceless,
                "pending": coverage.pending,
                "when": moment(coverage.at),
            },
        ),
        (_("Recognition"), _recognition_claim()),
    ]
    return {
        "id": "compared",
        "heading": _("What we compared"),
        "text": _(
            "A computer proposed pictures. Two people then decided about each of them, each "
            "without knowing what the other had decided. A face search can miss pictures. You "
            "can send another photo or a link at any time."
        )
        + (
            "\n\n"
            + _(
                "We did not find a picture of you with this search. That is not proof that there "
                "is none."
            )
            if gathered.answer.kind == AnswerKind.NOTHING_FOUND
            else ""
        ),
        "rows": rows,
    }


def _recognition_claim() -> str:
    test = settings.DSR_RECOGNITION_TEST
    if not test:
        return _("How many pictures of a person a search like this misses: not tested here.")
    return _(
        "A search like this missed %(missed)s of a person's pictures in the test %(name)s of %(date)s."
    ) % {"missed": test["missed"], "name": test["name"], "date": test["date"]}


def _record_block(gathered: Gathered, number: int, record: Record) -> dict[str, Any]:
    shown = gathered.shown[record.id]
    rows: list[tuple[str, str]] = []
    for facts in gathered.facts[record.id]:
        rows += [
            (_("Page"), facts.page_url or _("not recorded")),
            (_("Picture address"), facts.image_url or _("not recorded")),
            (_("Collected"), _text(facts.collected_at) or _("not recorded")),
            (_("By"), facts.collector or _("not recorded")),
            (_("Caption"), facts.caption or _("none")),
        ]
        rows += [(str(key), str(value)) for key, value in sorted(facts.other.items()) if value]
    rows.append((_("Source"), record.image.source.name))
    rows.append((_("Face code"), _template_line(gathered, record)))
    rows.append((_("How alike"), _band_words(gathered.bands.get(record.id, ""))))
    rows.append((_("Confirmed by"), _("two privacy officers")))
    return {
        "image": f"record-{number}.jpg",
        "alt": _("Picture %(number)s; faces of other people are covered") % {"number": number},
        "covered": shown.covered,
        "heading": _("Picture %(number)s") % {"number": number},
        "rows": rows,
    }


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _template_line(gathered: Gathered, record: Record) -> str:
    model = gathered.models.get(record.id)
    if model is None:
        return _("none")
    return _("model %(model)s, %(dimensions)s numbers, made on %(day)s") % {
        "model": model.name,
        "dimensions": model.dimensions,
        "day": day(record.enrolled_at),
    }


def _band_words(band: str) -> str:
    return {
        "strong": _("strong"),
        "review": _("needed a closer look"),
        "below": _("found by a person below the usual threshold"),
    }.get(band, _("not recorded"))


def _face_code(gathered: Gathered) -> dict[str, Any]:
    return {
        "id": "face-code",
        "heading": _("Your face code"),
        "text": _(
            "For each picture above we keep a face code: numbers that a program made from your "
            "face so that it can be found again. A face code is biometric data, which the law "
            "protects more strongly (Art. 9 GDPR). The package holds the numbers in data.json. "
            "Keep them safe: nobody can give you another face."
        ),
    }


def _purposes(gathered: Gathered) -> dict[str, Any]:
    basis = {record.image.source.name: record.image.source.legal_basis for record in gathered.records}
    rows = [
        (name, _("none documented") if text.strip().lower() == "none" else text)
        for name, text in sorted(basis.items())
    ]
    return {
        "id": "purposes",
        "heading": _("Why we use your data"),
        "points": list(settings.DSR_PURPOSES),
        "text": _("The legal basis the controller states for each source:"),
        "rows": rows,
    }


def _recipients(gathered: Gathered) -> dict[str, Any]:
    return {
        "id": "recipients",
        "heading": _("Who was shown your data, and when"),
        "text": _log_words(gathered),
        "table": True,
    }


def _log_words(gathered: Gathered) -> str:
    if not gathered.logs:
        return _(
            "No log of look-ups was given to us for these pictures. So we cannot say who was "
            "shown them, and not that nobody was."
        )
    spans = "; ".join(
        _("%(system)s from %(start)s to %(end)s")
        % {"system": log.system, "start": day(log.covers_from), "end": day(log.covers_to)}
        for log in gathered.logs
    )
    words = _("This list is as good as the logs it comes from: %(spans)s.") % {"spans": spans}
    if not gathered.look_ups:
        words += " " + _("In this time and in these systems nobody was shown your pictures.")
    return words


def _recipients_table(gathered: Gathered) -> dict[str, Any] | None:
    if not gathered.look_ups:
        return None
    numbers = {record.id: n for n, record in enumerate(gathered.records, start=1)}
    return {
        "caption": _("Look-ups of your pictures"),
        "heads": [_("Recipient"), _("Country"), _("Date"), _("Purpose given"), _("Picture")],
        "rows": [
            (
                fact.recipient,
                fact.country,
                day(fact.at),
                fact.purpose or _("none recorded"),
                str(numbers[fact.record_id]),
            )
            for fact in gathered.look_ups
        ],
    }


def _sources(gathered: Gathered) -> dict[str, Any]:
    return {
        "id": "sources",
        "heading": _("Where your data came from"),
        "text": _(
            "Page, picture address, date and collector stand beside each picture above. "
            "\"Not recorded\" means that the source system holds nothing in that field."
        ),
        "points": sorted({record.image.source.name for record in gathered.records}),
    }


def _retention() -> dict[str, Any]:
    return {
        "id": "retention",
        "heading": _("How long we keep it"),
        "text": settings.DSR_RETENTION,
    }


def _transfers() -> dict[str, Any]:
    countries = list(settings.DSR_TRANSFERS)
    return {
        "id": "transfers",
        "heading": _("Transfers outside the EU"),
        "text": "" if countries else _("The controller states none beside the recipients above."),
        "points": countries,
    }


def _automatic() -> dict[str, Any]:
    return {
        "id": "automatic",
        "heading": _("Does a computer decide?"),
        "text": _(
            "No. A program measures how alike your photo and the faces we hold are, and proposes "
            "those above a threshold. Two people look at each of them and decide. Customers of "
            "the controller use the same kind of search to find people; what they do with a hit "
            "is their decision, and it can be serious for the person who was found."
        ),
    }


def _rights(gathered: Gathered) -> dict[str, Any]:
    page = links.url_for("public", "public:status")
    rows = [
        (_("Delete"), _("Yes. Press \"Delete now\" on the status page, or write to us.")),
        (_("Correct"), _("Yes. Tell us which caption or link is wrong.")),
        (_("Lock"), _("Yes. Your pictures are out of the customers' search while we check.")),
        (_("Object"), _("Yes, at any time and without a reason.")),
        (_("Take along"), _("Not for pictures we collected; for what you sent us, yes.")),
        (_("Withdraw consent"), _("Yes, on the status page. Your photo is deleted at once.")),
    ]
    return {
        "id": "rights",
        "heading": _("What you can do now"),
        "text": _("The status page is %(page)s. You need your reference and your receipt code.")
        % {"page": page},
        "rows": rows,
    }


def _left_out(gathered: Gathered) -> dict[str, Any]:
    covered = sum(gathered.shown[record.id].covered for record in gathered.records)
    points = []
    if covered:
        points.append(
            ngettext(
                "%(number)s face of another person is covered, to protect that person.",
                "%(number)s faces of other people are covered, to protect them.",
                covered,
            )
            % {"number": covered}
        )
    if gathered.inconclusive:
        points.append(
            ngettext(
                "There is %(number)s more picture that may show you or someone else. We do not "
                "show it. Another photo of you can help us decide.",
                "There are %(number)s more pictures that may show you or someone else. We do not "
                "show them. Another photo of you can help us decide.",
                gathered.inconclusive,
            )
            % {"number": gathered.inconclusive}
        )
    return {
        "id": "left-out",
        "heading": _("What we left out"),
        "text": "" if points else _("We left out nothing."),
        "points": points,
    }


def _request_data(gathered: Gathered) -> dict[str, Any]:
    days = int(policy.current("package_days"))
    until = clock.today() + timedelta(days=days)
    return {
        "id": "request-data",
        "heading": _("Data about your request"),
        "rows": [
            (_("Your photo"), _("kept encrypted until the case closes, then deleted")),
            (_("Your face code"), _("made in memory for the search, never stored")),
            (_("Your contact data"), _("kept until 30 days after the case closes")),
            (
                _("This answer"),
                _("its sealed package is planned to be deleted around %(day)s")
                % {"day": day(until)},
            ),
            (_("Proof of what we did"), _("a trail of dates and codes, without name or picture")),
        ],
    }


def _wrong_person() -> dict[str, Any]:
    return {
        "id": "wrong-person",
        "heading": _("Is a picture not you?"),
        "text": _(
            "Tell us at once. Delete the picture and do not share it: it may show somebody who "
            "does not know about it."
        ),
    }
