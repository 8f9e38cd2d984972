"""What an answer says, from rows and checks made at that moment (law 9(a), 9(b); rules R15-R17).

Nothing here is a fixed claim: a sentence whose fact was not checked is not printed.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.cases import evidence_locks
from dsr_portal.cases.keep_days import keep_each
from dsr_portal.cases.models import HeldBack, RightCode
from dsr_portal.cases.other_models import SearchedOutcome, StandingAnswer
from dsr_portal.core import clock, links
from dsr_portal.core.countries import IN_EEA
from dsr_portal.disclosure import camera, package
from dsr_portal.disclosure.columns import column_words, time_words
from dsr_portal.disclosure.gathered import Gathered, Kept
from dsr_portal.disclosure.models import AnswerKind
from dsr_portal.disclosure.words import (
    found_by_words,
    lock_stays,
    look_up_claim,
    nothing_found_words,
    simple_words,
    taking_along,
)
from dsr_portal.documents.templatetags.documents import day, grouped, moment
from dsr_portal.gallery import statements, terms
from dsr_portal.gallery.connector import AppearanceFacts
from dsr_portal.gallery.models import Record
from dsr_portal.gallery.selectors import Coverage
from dsr_portal.gallery.terms import Term
from dsr_portal.law.articles import EXEMPTIONS, REFUSAL_GROUNDS, Exemption, RefusalGround, cited
from dsr_portal.law.country_names import country_name
from dsr_portal.matching.models import Search
from dsr_portal.policy import selectors as policy
from dsr_portal.recognition import calibration

Section = dict[str, Any]
Row = tuple[str, Any]

# Names of columns that say where somebody was (A-06: categories from what was found).
_PLACE = re.compile(
    r"(?:\b|_)(?:lat|latitude|lon|lng|longitude|gps|geo|place|location|city|venue|address)(?:\b|_)",
    re.IGNORECASE,
)


def context(gathered: Gathered, files: Mapping[str, str]) -> dict[str, Any]:
    """The template's context: first page, records, sections in the order of law 9(a) or 9(b).

    `files` are names and SHA-256 of what the package holds beside the letter.
    """
    found = gathered.answer.kind == AnswerKind.DISCLOSURE
    sections = _disclosed(gathered, files) if found else _nothing_found(gathered, files)
    contents = [(section["id"], section["heading"]) for section in sections]
    if found and gathered.records:
        contents.insert(1, ("records", _("The pictures we hold of you")))
    return {
        "short_answer": " ".join([_short_answer(gathered), *_found_elsewhere(gathered)]),
        "facts": _first_facts(gathered),
        "contents": [
            *contents,
            ("complaint", _("If you are not content")),
            ("contacts", _("How to reach us")),
            ("check", _("How to check this document")),
        ],
        "compared": sections[0],
        "records": [
            _record_block(gathered, number, record)
            for number, record in enumerate(gathered.records, start=1)
        ],
        "sections": sections[1:],
        "found": found and bool(gathered.records),
        "only_covered": found and not gathered.records,
        "simple": simple_words(gathered.answer),
    }


def _disclosed(gathered: Gathered, files: Mapping[str, str]) -> list[Section]:
    return [
        _what_we_compared(gathered),
        *([_private(gathered)] if gathered.private else []),
        _wrong_person(),
        _face_code(gathered),
        _categories(gathered),
        _purposes(gathered),
        _recipients(gathered),
        _look_ups(gathered),
        _sources(gathered),
        _retention(gathered),
        _transfers(gathered),
        _automatic(gathered),
        _rights(gathered),
        *taking_along(gathered.answer.case),
        _other_systems(gathered, files),
        _left_out(gathered),
        _request_data(gathered),
        *_camera_entries(gathered),
        _files(files, on_paper=gathered.on_paper),
    ]


def _nothing_found(gathered: Gathered, files: Mapping[str, str]) -> list[Section]:
    return [
        _what_we_compared(gathered),
        _try_again(gathered),
        _other_systems(gathered, files),
        _other_data(),
        _automatic(gathered),
        _rights(gathered),
        *taking_along(gathered.answer.case),
        _left_out(gathered),
        _request_data(gathered),
        *([_files(files, on_paper=gathered.on_paper)] if gathered.found_files else []),
    ]


# -- the first page -----------------------------------------------------------------------------


def _short_answer(gathered: Gathered) -> str:
    if gathered.answer.kind == AnswerKind.NOTHING_FOUND:
        return nothing_found_words(gathered.search)
    if not _held(gathered):
        return _(
            "We can't say for sure whether we hold a picture of you. Why stands below, under “What "
            "we left out”."
        )
    number = _pictures(gathered)
    if _not_shown(gathered) or gathered.aside:
        return _(
            "Yes, we hold data about you. This is a partial answer: we show %(shown)s of "
            "%(held)s pictures, and refuse the rest. Why stands below."
        ) % {"shown": len(gathered.records), "held": _held(gathered)}
    return ngettext(
        "Yes, we hold data about you: %(number)s picture with your face.",
        "Yes, we hold data about you: %(number)s pictures with your face.",
        number,
    ) % {"number": number}


def _found_elsewhere(gathered: Gathered) -> list[str]:
    """On the first page, too: a letter without a picture may have data of another system."""
    if not any(one.outcome == SearchedOutcome.FOUND for one in gathered.other_systems):
        return []
    return [_("Another system of ours holds data about you: see “Other systems we looked at”.")]


def _pictures(gathered: Gathered) -> int:
    return len({record.image_id for record in (*gathered.records, *gathered.private)})


def _first_facts(gathered: Gathered) -> list[Row]:
    search = gathered.search
    compared = _("none")
    if search.compares:
        compared = _("%(compared)s of %(enrolled)s") % {
            "compared": search.compared,
            "enrolled": search.enrolled,
        }
    if gathered.answer.kind == AnswerKind.NOTHING_FOUND:
        return [
            (_("Pictures of you"), _("none found")),
            (_("Faces compared"), compared),
            (_("Checked by"), _("two people")),
        ]
    return [
        (_("Pictures of you"), str(_pictures(gathered)) if _held(gathered) else _("not sure")),
        (_("Faces compared"), compared),
        (_("Shown to"), _shown_to(gathered)),
    ]


def _held(gathered: Gathered) -> int:
    """All that two persons confirmed, whatever of it is shown."""
    shown = len(gathered.records) + len(gathered.private)
    return shown + len(_not_shown(gathered)) + gathered.aside


def _shown_to(gathered: Gathered) -> str:
    if not gathered.logs:
        return _("no log was given to us")
    number = len({fact.recipient_id for fact in gathered.look_ups})
    if not number:
        return _("nobody, as far as the logs reach")
    return ngettext("%(number)s recipient", "%(number)s recipients", number) % {"number": number}


# -- what was compared --------------------------------------------------------------------------


def _what_we_compared(gathered: Gathered) -> Section:
    """The three claims of R15, never merged."""
    case, search = gathered.answer.case, gathered.search
    name, role = gathered.maker
    rows: list[Row] = [(_("Index check"), _index_claim(gathered))]
    if search.looks_up:
        found = gathered.answer.kind == AnswerKind.DISCLOSURE
        rows.append((_("Look-up"), look_up_claim(search, found=found)))
    rows += [
        (_("Coverage"), _coverage_claim(gathered)),
        (_("Recognition"), _recognition_claim(search)),
        (_("Your request"), f"{case.reference}, {day(case.arrived_on)}"),
        (_("This answer"), f"{name}, {role}" if role else name),
    ]
    text = _how_decided(search)
    if gathered.answer.kind == AnswerKind.NOTHING_FOUND:
        text += "\n\n" + _(
            "We did not find a picture of you with this search. That is not proof that there is "
            "none."
        )
    return {"id": "compared", "heading": _("What we compared"), "text": text, "rows": rows}


def _index_claim(gathered: Gathered) -> str:
    search = gathered.search
    until = _("The search ended on %(when)s. Pictures that came later are not part of it.") % {
        "when": moment(search.finished_at)
    }
    if not search.compares or gathered.probe_received is None:
        return _("No face was compared.") + " " + until
    index = ngettext(
        "Your photo of %(day)s was compared with %(compared)s of %(enrolled)s faces.",
        "Your %(photos)s photos, the newest of %(day)s, were compared together with %(compared)s "
        "of %(enrolled)s faces.",
        search.photos,
    ) % {
        "photos": search.photos,
        "day": day(gathered.probe_received),
        "compared": search.compared,
        "enrolled": search.enrolled,
    }
    unlimited = _("There was no limit in time.")
    return f"{index} {unlimited} {until}"


def _how_decided(search: Search) -> str:
    if not search.compares:
        return _(
            "You gave no photo to compare, so we looked up what you named. Two people then decided "
            "which face, if any, is yours, each with a reason, the second without knowing what "
            "the first had decided. A look-up finds only what stands at what you named. You can "
            "send a photo or a link at any time."
        )
    return _(
        "A computer proposed pictures. Two people then decided about them, the second without "
        "knowing what the first had decided. A face search can miss pictures. You can send "
        "another photo or a link at any time."
    )


def _coverage_claim(gathered: Gathered) -> str:
    coverage = gathered.coverage
    counted = _(
        "Of %(pictures)s pictures in the source systems %(searchable)s have a face we can "
        "search. %(not_searchable)s could not be searched: %(unreadable)s could not be read, in "
        "%(faceless)s no face was found, %(pending)s are not imported yet. Counted on %(when)s."
    ) % {
        "pictures": coverage.pictures,
        "searchable": coverage.searchable,
        "not_searchable": coverage.not_searchable,
        "unreadable": coverage.unreadable,
        "faceless": coverage.faceless,
        "pending": coverage.pending,
        "when": moment(coverage.at),
    }
    return f"{counted} {_crowds_words(coverage)}" if coverage.crowds else counted


def _crowds_words(coverage: Coverage) -> str:
    return ngettext(
        "%(crowds)s picture shows very many people. Its smallest faces were not searched: "
        "%(faces)s in number.",
        "%(crowds)s pictures show very many people. Their smallest faces were not searched: "
        "%(faces)s in number.",
        coverage.crowds,
    ) % {"crowds": coverage.crowds, "faces": coverage.left_out}


def _recognition_claim(search: Search) -> str:
    if not search.compares:
        return _("No program compared your face, so nothing about recognition is claimed.")
    test = calibration.measured_misses(search.threshold, photos=search.photos)
    if test is None:
        return _("How many pictures of a person a search like this misses: not tested here.")
    return _(
        "A search like this missed %(missed)s of a person's pictures in the test %(name)s of "
        "%(date)s with %(people)s people (with 95 percent certainty %(low)s to %(high)s)."
    ) % {
        "missed": _percent(test.missed),
        "name": test.name,
        "date": day(date.fromisoformat(test.made_on)),
        "people": test.people,
        "low": _percent(test.low),
        "high": _percent(test.high),
    }


def _percent(share: float) -> str:
    return f"{formats.number_format(100 * share, 1)} %"


# -- records ------------------------------------------------------------------------------------


def _record_block(gathered: Gathered, number: int, record: Record) -> dict[str, Any]:
    facts = gathered.facts[record.id]
    rows: list[Row] = []
    for place, appearance in enumerate(facts.appearances, start=1):
        if place > 1:
            rows.append((_("Also found"), _("place %(number)s") % {"number": place}))
        rows += appearance_rows(appearance)
    rows += [
        *camera.rows(gathered.camera[record.id], on_paper=gathered.on_paper),
        *[(_("Your own words"), words) for words in gathered.faces[record.id].statements()],
        (_("Source"), facts.source),
        (_("Imported"), day(facts.imported_at)),
        (_("Face code"), _template_line(gathered, record)),
        (_("How alike"), _alike_words(gathered, record)),
        (_("Confirmed by"), _("two persons of our staff")),
    ]
    return {
        "image": f"record-{number}.jpg",
        "alt": _("Picture %(number)s; faces of other people are covered") % {"number": number},
        "covered": gathered.shown[record.id].covered,
        "heading": _("Picture %(number)s") % {"number": number},
        "rows": rows,
    }


def appearance_rows(facts: AppearanceFacts) -> list[Row]:
    """What one set of facts says, as a person reads it."""
    missing = _("not recorded")
    rows: list[Row] = [
        (_("Page"), facts.page_url or missing),
        (_("Picture address"), facts.image_url or missing),
        (_("Collected"), time_words(facts.collected_at) or missing),
        (_("Collected by"), facts.collector or missing),
        (_("Caption"), facts.caption or missing),
    ]
    if facts.path:
        rows.append((_("File name"), facts.path))
    # Columns nobody expected are told, too, under a name a person can read.
    return rows + [
        (column_words(str(key)), time_words(str(value)))
        for key, value in sorted(facts.other.items())
    ]


def _template_line(gathered: Gathered, record: Record) -> str:
    model = gathered.models.get(record.id)
    if model is None:
        return _("none")
    line = _("model %(model)s, %(dimensions)s numbers, made on %(day)s") % {
        "model": model,
        "dimensions": model.dimensions,
        "day": day(record.enrolled_at),
    }
    if gathered.withholds_template(record):
        return f"{line}; " + _("the numbers are not given, why stands below")
    return line


def _alike_words(gathered: Gathered, record: Record) -> str:
    band = gathered.bands.get(record.id, "")
    return _band_words(band) if band else found_by_words(gathered.found_by.get(record.id, ""))


def _band_words(band: str) -> str:
    return {
        "strong": _("strong"),
        "review": _("needed a closer look"),
        "below": _("below the usual threshold, confirmed by people"),
    }.get(band, _("not recorded"))


# -- sections of an answer with pictures --------------------------------------------------------


def _wrong_person() -> Section:
    return {
        "id": "wrong-person",
        "heading": _("Is a picture not you?"),
        "text": _(
            "Tell us at once. Delete the picture and do not share it: it may show somebody who "
            "does not know about it."
        ),
    }


def _face_code(gathered: Gathered) -> Section:
    number = len(gathered.models)
    return {
        "id": "face-code",
        "heading": _("Your face codes"),
        "text": ngettext(
            "We keep %(number)s face code: numbers that a program made from your face in a "
            "picture above, so that it can be found again.",
            "We keep %(number)s face codes: numbers that a program made from your face in each "
            "picture above, so that it can be found again.",
            number,
        )
        % {"number": number}
        + " "
        + _(
            "A face code is biometric data, a special category that the law protects more "
            "strongly (Art. 4(14) and 9(1) GDPR)."
        )
        + " "
        + _numbers_words(gathered),
    }


def _numbers_words(gathered: Gathered) -> str:
    """Where the numbers are; only of face codes that are given (A-04)."""
    if not gathered.templates:
        return _("The numbers are not given: why stands under what we left out.")
    return _(
        'You find the numbers in data.json in the package, under "template". They are not turned '
        "by the secret matrix of this installation. Keep them safe: nobody can give you another "
        "face."
    )


def _categories(gathered: Gathered) -> Section:
    appearances = [one for facts in gathered.facts.values() for one in facts.appearances]
    columns = {key for one in appearances for key, value in one.other.items() if value}
    points = [_("pictures of your face")]
    if gathered.models:
        points.append(_("face codes: biometric data, a special category (Art. 9(1) GDPR)"))
    if any(one.page_url or one.image_url for one in appearances):
        points.append(_("addresses of pages and pictures"))
    if any(one.caption for one in appearances):
        points.append(_("captions"))
    if any(one.collected_at or one.collector for one in appearances):
        points.append(_("when and by whom a picture was collected"))
    cameras = gathered.camera.values()
    if any(not one.empty for one in cameras):
        points.append(_("what a camera or a program wrote into the files of pictures"))
    if any(_PLACE.search(key) for key in columns) or any(one.has_place for one in cameras):
        points.append(_("location: where a picture was taken"))
    others = sorted(column_words(key) for key in columns if not _PLACE.search(key))
    if others:
        points.append(_("further columns of the source: %(names)s") % {"names": ", ".join(others)})
    if gathered.look_ups:
        points.append(_("look-ups: who was shown a picture, when and for which stated purpose"))
    return {"id": "categories", "heading": _("What kinds of data"), "points": points}


def _purposes(gathered: Gathered) -> Section:
    """For each source its own purposes and basis, never one line for all (A-05)."""
    sources = {facts.source: facts for facts in gathered.facts.values()}
    return {
        "id": "purposes",
        "heading": _("Why we use your data"),
        "text": _("The controller states this for each source of your pictures:"),
        "table": {
            "caption": _("Purposes and legal basis"),
            "heads": [_("Source"), _("Purposes"), _("Legal basis")],
            "rows": [
                (name, "; ".join(facts.purposes), facts.legal_basis)
                for name, facts in sorted(sources.items())
            ],
        },
    }


def _recipients(gathered: Gathered) -> Section:
    return {
        "id": "recipients",
        "heading": _("Who got your data"),
        "text": f"{_log_words(gathered)}\n\n{_query_pictures()}",
        "table": _recipients_table(gathered),
    }


def _query_pictures() -> str:
    """The product's query pictures and stored results: stated with name and date, or not (R16)."""
    stated = statements.current()
    if stated is None:
        return _(
            "Pictures that customers of the product sent in, and results it stored, are not part "
            "of this answer. The controller made no statement to us about them."
        )
    return _(
        "Pictures that customers of the product sent in, and results it stored, are not part of "
        "this answer. %(name)s stated on %(day)s: “%(words)s” We did not check this."
    ) % {"name": stated.name, "day": day(stated.stated_on), "words": stated.words}


def _log_words(gathered: Gathered) -> str:
    if not gathered.logs:
        return _(
            "No log of look-ups was given to us for these pictures. So we cannot say who was "
            "shown them, and not that nobody was."
        )
    words = _("This is as good as the logs it comes from: %(spans)s.") % {"spans": _spans(gathered)}
    more = (
        _("What a recipient did with what it saw, or still keeps, we did not check.")
        if gathered.look_ups
        else _("In this time these logs hold no look-up of your pictures.")
    )
    return f"{words} {more}"


def _spans(gathered: Gathered) -> str:
    return "; ".join(
        _("%(system)s from %(start)s to %(end)s")
        % {"system": log.system, "start": day(log.covers_from), "end": day(log.covers_to)}
        for log in gathered.logs
    )


def _recipients_table(gathered: Gathered) -> dict[str, Any] | None:
    if not gathered.look_ups:
        return None
    numbers = {record.id: number for number, record in enumerate(gathered.records, start=1)}
    return {
        "caption": _("Look-ups of your pictures"),
        "heads": [_("Recipient"), _("Country"), _("Date"), _("Purpose given"), _("Picture")],
        "rows": [
            (
                fact.recipient,
                _country(fact.country),
                day(fact.at),
                fact.purpose or _("none recorded"),
                str(numbers.get(fact.record_id, _("private"))),
            )
            for fact in gathered.look_ups
        ],
    }


def _country(code: str) -> str:
    name = country_name(code)
    return f"{name} ({code})" if name else code


def _look_ups(gathered: Gathered) -> Section:
    """C-579/21: dates and purposes; staff by role."""
    review = gathered.review
    rows: list[Row] = []
    if review is not None:
        for who, number, when in (
            (_("First person"), review.first_officer, review.first_done_at),
            (_("Second person"), review.second_officer, review.second_done_at),
            (_("Third person"), review.supervisor, review.done_at if review.supervisor else None),
        ):
            if when is not None:
                role = gathered.deciders.get(number or "") or _("staff")
                told = {"who": who, "role": role.lower()}
                rows.append((day(when), _("%(who)s (%(role)s), to answer your request") % told))
    search = gathered.search
    if search.looks_up:
        words = _("Look-up by what you named, to answer your request")
        rows.insert(0, (day(search.finished_at), words))
    if search.compares:
        rows.insert(0, (day(search.finished_at), _("Face search, to answer your request")))
    return {
        "id": "look-ups",
        "heading": _("When your data were looked up"),
        "text": _(
            "Look-ups by recipients stand in the table above. For this request your pictures were "
            "opened on these days:"
        ),
        "rows": rows,
    }


def _sources(gathered: Gathered) -> Section:
    return {
        "id": "sources",
        "heading": _("Where your data came from"),
        "text": _(
            "Page, picture address, date and collector stand beside each picture above. "
            '"Not recorded" means that the source system holds nothing in that field. The '
            "source systems:"
        ),
        "points": sorted({facts.source for facts in gathered.facts.values()}),
    }


def _retention(gathered: Gathered) -> Section:
    """What the controller says of all it holds, then each source's own term and dates (A-08).

    A controller that says nothing of all needs a term for each source: else the section stays empty
    and stops the answer (law N-08).
    """
    counted: dict[tuple[str, UUID], list[date]] = {}
    for facts in gathered.facts.values():
        counted.setdefault((facts.source, facts.source_id), []).append(facts.counted_from)
    found = [(name, terms.term_of(one), counted[name, one]) for name, one in sorted(counted)]
    stated = settings.DSR_RETENTION or all(term is not None for _name, term, _days in found)
    return {
        "id": "retention",
        "heading": _("How long we keep it"),
        "text": settings.DSR_RETENTION,
        "rows": [(name, _kept_for(term, days)) for name, term, days in found] if stated else [],
    }


def _kept_for(term: Term | None, counted_from: Sequence[date]) -> str:
    """The period of a source and the days on which it ends for this person's pictures."""
    if term is None:
        return terms.words(None)
    ends = sorted(term.ends_on(one) for one in counted_from)
    if ends[0] == ends[-1]:
        ending = _("it ends on %(last)s") % {"last": day(ends[-1])}
    else:
        ending = _("it ends from %(first)s to %(last)s") % {
            "first": day(ends[0]),
            "last": day(ends[-1]),
        }
    return f"{terms.words(term)}; {ending}"


def _transfers(gathered: Gathered) -> Section:
    outside = sorted({fact.country for fact in gathered.look_ups} - IN_EEA)
    points = list(settings.DSR_TRANSFERS) + [
        _("%(country)s: a recipient named above; the controller stated no safeguard to us")
        % {"country": _country(code)}
        for code in outside
    ]
    return {
        "id": "transfers",
        "heading": _("Transfers outside the EU"),
        "text": "" if points else _("The controller states none, and the table above shows none."),
        "points": points,
    }


def _camera_entries(gathered: Gathered) -> list[Section]:
    """Every entry of camera data where the letter goes without the package (Art. 15(3))."""
    if not gathered.on_paper:
        return []
    rows: list[Row] = []
    for number, record in enumerate(gathered.records, start=1):
        name = _("Picture %(number)s") % {"number": number}
        entries = camera.printed(gathered.camera[record.id])
        rows += [(f"{name}: {label}", value) for label, value in entries]
    if not rows:
        return []
    return [
        {
            "id": "camera",
            "heading": _("Camera data, each entry"),
            "text": _("The names are those under which cameras and programs write."),
            "rows": rows,
        }
    ]


def _files(files: Mapping[str, str], *, on_paper: bool) -> Section:
    text = _(
        "With this letter comes a package: the letter, the pictures and files it names, and "
        "data.json with the same facts for machines; schema.md explains it. The checksum of each "
        "picture and of each file from another system stands in data.json, one for each file in "
        "SHA256SUMS."
    )
    if on_paper:
        text = _(
            "To this letter belongs a package of files: the letter, the pictures and files it "
            "names, and data.json with the same facts for machines. Paper does not bring it. Call "
            "or write to us, and we open it on the page of your request, as long as we keep it."
        )
    return {
        "id": "files",
        "heading": _("The files of this answer"),
        "text": text,
        "rows": [
            (_("Files beside the letter"), str(len(files))),
            (_("SHA-256 of data.json"), grouped(files["data.json"])),
        ],
    }


# -- sections of a letter that found nothing ----------------------------------------------------


def _try_again(gathered: Gathered) -> Section:
    text = _(
        "Send another photo, or the address of a page that shows you. There is no limit. A "
        "photo from the front, in daylight and without sunglasses helps; so does one from the "
        "time a picture may have been taken."
    )
    if not gathered.search.compares:
        text = _(
            "Send the address of another page that shows you, the file of a picture, or a photo of "
            "you if you like: much of what we hold can be found by face only. There is no limit."
        )
    return {
        "id": "try-again",
        "heading": _("How to try again"),
        "text": text,
        "rows": [(_("Where"), links.url_for("public", "public:home"))],
    }


def _other_data() -> Section:
    controller = settings.DSR_CONTROLLER
    return {
        "id": "other-data",
        "heading": _("Other data about you"),
        "text": _(
            "This search looks at pictures with faces only. Other files of %(name)s, such as "
            "those about customers or staff, are not connected to this portal and were not "
            "checked. Ask %(email)s for them."
        )
        % {"name": controller["name"], "email": controller["email"]},
    }


def _other_systems(gathered: Gathered, files: Mapping[str, str]) -> Section:
    """What people searched beside this portal, system by system, with its day (law A-17).

    A standing answer is told as one; each file found there has a line with its checksum.
    """
    heading = {"id": "other-systems", "heading": _("Other systems we looked at")}
    if not gathered.other_systems:
        return {
            **heading,
            "text": _(
                "On %(day)s a director of %(name)s stated that no other system of ours holds data "
                "from these searches or pictures."
            )
            % {
                "day": day(gathered.none_stated_at),
                "name": settings.DSR_CONTROLLER["name"],
            },
        }
    rows: list[Row] = []
    for one in gathered.other_systems:
        outcome = one.outcome_words or _("not stated")
        rows.append((one.system.name, f"{outcome} ({day(one.at)})"))
        if one.words:
            rows.append((_("In our words"), one.words))
        if one.standing is not None:
            rows.append((_("Not searched for you"), _standing_words(one.standing)))
    text = _("A person searched each of these for data about you and wrote down the result.")
    if any(one.standing is not None for one in gathered.other_systems):
        text = _(
            "Each of these was searched for data about you by a person who wrote down the result, "
            "except where it says that it was not searched for you."
        )
    return {**heading, "text": text, "rows": [*rows, *_found_files(gathered, files)]}


def _standing_words(standing: StandingAnswer) -> str:
    return _(
        "Two of our people decided on %(day)s that this system can hold nothing about people who "
        "ask us. They look at it again by %(until)s."
    ) % {"day": day(standing.agreed_at), "until": day(standing.until)}


def _found_files(gathered: Gathered, files: Mapping[str, str]) -> list[Row]:
    """A line for each file of another system: where it lies in the package, and its checksum."""
    rows: list[Row] = []
    for number, one in enumerate(gathered.found_files, start=1):
        name = package.found_file(number, one.media)
        rows += [
            (_("File from %(system)s") % {"system": one.system}, f"{one.what} ({name})"),
            (_("SHA-256 of this file"), grouped(files[name])),
        ]
    if rows and gathered.on_paper:
        rows.append((_("On paper"), _("These files do not come by post: see how to reach us.")))
    return rows


# -- sections of both ---------------------------------------------------------------------------


def _automatic(gathered: Gathered) -> Section:
    own = _(
        "No. A program measures how alike your photo and the faces we hold are, and proposes "
        "those above a threshold. Two people look at them and decide."
    )
    if not gathered.search.compares:
        own = _(
            "No. A program listed the pictures at what you named and compared no face. Two people "
            "looked at them and decided."
        )
    return {
        "id": "automatic",
        "heading": _("Does a computer decide?"),
        "text": f"{own} {_automated_use()}",
    }


def _automated_use() -> str:
    """What the controller itself does with faces is its statement; nothing here checks it."""
    controller = settings.DSR_CONTROLLER["name"]
    if not settings.DSR_AUTOMATED_USE:
        return _(
            "%(name)s has not stated here how its own products use these pictures and whether a "
            "computer decides there. Ask for it: it has to tell you."
        ) % {"name": controller}
    return _("%(name)s states about its own products: %(words)s") % {
        "name": controller,
        "words": settings.DSR_AUTOMATED_USE,
    }


def _rights(gathered: Gathered) -> Section:
    found = gathered.answer.kind == AnswerKind.DISCLOSURE
    rows = []
    if gathered.probe_received is not None:
        words = _("Yes, on the status page. Your photo is deleted at once.")
        rows.append((_("Withdraw consent"), _linked(words, "case")))
    if found:
        rows = [
            (
                _("Delete"),
                _linked(
                    _('Yes. Press "Delete now" on the status page, or write to us.'), "delete_now"
                ),
            ),
            (
                _("Correct"),
                _linked(
                    _("Yes. Say on the status page which caption, link, name or date is wrong."),
                    "correct",
                ),
            ),
            (_("Lock"), _linked(_lock_words(gathered), "evidence_lock")),
            _objection(gathered),
            (
                _("Take along"),
                _linked(
                    _(
                        "Not the pictures we collected: you did not give them to us (Art. 20(1) "
                        "GDPR). What you sent us yourself, yes: on the status page."
                    ),
                    "own_data",
                ),
            ),
            *rows,
        ]
    else:
        rows.insert(0, (_("Ask again"), _("Yes, for access, deletion or objection, at any time.")))
    return {
        "id": "rights",
        "heading": _("What you can do now"),
        "text": _("The status page is %(page)s. You need your reference and your receipt code.")
        % {"page": links.url_for("public", "public:status")},
        "rows": rows,
    }


def _linked(words: str, page: str) -> str:
    """A right with the page on which it is used; each asks for reference and code (A-09, R12)."""
    return f"{words} {links.url_for('public', f'public:{page}')}"


def _objection(gathered: Gathered) -> Row:
    asked = gathered.answer.case.rights.filter(right=RightCode.OBJECTION)
    if asked.exists():
        return (_("Object"), _linked(_("Yes, done: you objected, and we stop."), "case"))
    return (_("Object"), _linked(_("Yes, at any time. Write to us."), "add_right"))


def _lock_words(gathered: Gathered) -> str:
    locked = sum(record.state == Record.State.RESTRICTED for record in gathered.records)
    if locked and locked == len(gathered.records):
        done = _("Yes, done: your pictures are locked for the controller's own search.")
        asked = set(gathered.answer.case.rights.values_list("right", flat=True))
        stays = lock_stays(gathered.answer.case)
        if stays:
            return f"{done} {stays}"
        if RightCode.ERASURE in asked:
            return done
        until = _(
            "The lock ends when this request closes, %(days)s days after this answer left. Ask for "
            "it on the status page before, and it stays."
        ) % {"days": _closes_after(gathered)}
        return f"{done} {until}"
    return _(
        "Yes. Ask for it on the status page: we lock your pictures for the controller's search."
    )


def _left_out(gathered: Gathered) -> Section:
    found = gathered.answer.kind == AnswerKind.DISCLOSURE
    points = []
    covered = sum(shown.covered for shown in gathered.shown.values())
    if covered:
        points.append(
            ngettext(
                "%(number)s face of another person is covered, to protect that person "
                "(Art. 15(4) GDPR).",
                "%(number)s faces of other people are covered, to protect them (Art. 15(4) GDPR).",
                covered,
            )
            % {"number": covered}
        )
    points += [
        *_held_back(gathered),
        *_codes_held_back(gathered),
        *_put_aside_words(gathered),
    ]
    if gathered.inconclusive:
        beside = found and bool(_held(gathered))
        points.append(_inconclusive_words(gathered.inconclusive, found=beside))
    if found:
        points.append(
            _(
                "Pictures are encoded anew, so that what is covered cannot be brought back. What a "
                "camera wrote into a file stands beside the picture, not in it."
            )
        )
        points += camera.left_out(gathered.camera.values())
    return {
        "id": "left-out",
        "heading": _("What we left out"),
        "text": "" if points else _("We left out nothing."),
        "points": points,
    }


def _put_aside_words(gathered: Gathered) -> list[str]:
    """The count alone: what law forbids to hand out is not described either (law C-09)."""
    if not gathered.aside:
        return []
    return [
        ngettext(
            "We do not show %(number)s more picture of you, because the law does not let us hand "
            "it out. It is locked, and nobody uses it. You can ask us about it.",
            "We do not show %(number)s more pictures of you, because the law does not let us hand "
            "them out. They are locked, and nobody uses them. You can ask us about them.",
            gathered.aside,
        )
        % {"number": gathered.aside}
    ]


def _private(gathered: Gathered) -> Section:
    """Intimate pictures: that they were found and where, in careful words; no picture (C-09)."""
    rows: list[Row] = []
    for number, record in enumerate(gathered.private, start=1):
        facts = gathered.facts[record.id]
        rows.append((_("Private picture"), str(number)))
        for appearance in facts.appearances:
            rows += appearance_rows(appearance)
        rows += [
            (_("Source"), facts.source),
            (_("Imported"), day(facts.imported_at)),
            (_("Face code"), _template_line(gathered, record)),
        ]
    return {
        "id": "private",
        "heading": _("Very private pictures"),
        "text": _(
            "Among the pictures of you is something very private: you may be naked in it, or it "
            "shows something intimate. You decide what happens with it. We covered it and put it "
            "in no file, so that nobody else comes to see it. It is locked, and nobody uses it. "
            "Below stands where it was found. You can have it deleted like any other picture. "
            "If you want to see it, write to us: one named person shows it to you at a visit or "
            "in a call. You can also ask somebody you trust to be there."
        ),
        "rows": rows,
    }


def _codes_held_back(gathered: Gathered) -> list[str]:
    """Each face code that is not given, with ground and facts; the picture is shown (A-04)."""
    points = []
    for one in gathered.held_back:
        if one.what != HeldBack.TEMPLATE or one.number is None:
            continue
        ground = REFUSAL_GROUNDS[RefusalGround(one.ground)]
        points.append(
            _("Face code of picture %(number)s not given (%(article)s): %(ground)s %(facts)s")
            % {
                "number": one.number,
                "article": cited(ground.article),
                "ground": ground.text,
                "facts": one.facts,
            }
        )
    return points


def _not_shown(gathered: Gathered) -> list[Kept]:
    return [one for one in gathered.held_back if one.what == HeldBack.ANSWER]


def _held_back(gathered: Gathered) -> list[str]:
    """Each record held back: how many of how many, the ground with its article, the facts."""
    left_out = _not_shown(gathered)
    points = []
    if left_out:
        points.append(
            _("We refuse a part: %(number)s of %(held)s pictures are not shown.")
            % {"number": len(left_out), "held": _held(gathered)}
        )
    for one in left_out:
        ground = REFUSAL_GROUNDS[RefusalGround(one.ground)]
        points.append(
            _("Not shown (%(article)s): %(ground)s %(facts)s")
            % {"article": cited(ground.article), "ground": ground.text, "facts": one.facts}
        )
    for one in gathered.held_back:
        if one.what != HeldBack.ERASURE:
            continue
        ground = EXEMPTIONS[Exemption(one.ground)]
        points.append(
            _(
                "Not deleted until %(until)s, but locked (%(article)s). Picture: %(which)s. "
                "%(ground)s %(facts)s"
            )
            % {
                "until": day(one.until),
                "article": cited(ground.article),
                "which": one.number or _("not shown"),
                "ground": ground.text,
                "facts": one.facts,
            }
        )
    return points


def _inconclusive_words(number: int, *, found: bool) -> str:
    if found:
        return ngettext(
            "There is %(number)s more picture that may show you or someone else. We do not show "
            "it. Another photo of you can help us decide.",
            "There are %(number)s more pictures that may show you or someone else. We do not show "
            "them. Another photo of you can help us decide.",
            number,
        ) % {"number": number}
    return ngettext(
        "There is %(number)s picture that may show you or someone else. We do not show it. "
        "Another photo of you can help us decide.",
        "There are %(number)s pictures that may show you or someone else. We do not show them. "
        "Another photo of you can help us decide.",
        number,
    ) % {"number": number}


def _request_data(gathered: Gathered) -> Section:
    days = int(policy.current("package_days"))
    until = clock.today() + timedelta(days=days)
    return {
        "id": "request-data",
        "heading": _("Data about your request"),
        "rows": [
            *_photo_rows(gathered),
            (
                _("Your contact data"),
                _contact_kept(gathered),
            ),
            (_("This answer"), _("kept sealed until about %(day)s") % {"day": day(until)}),
            (_("Proof of what we did"), _("a trail of dates and codes, without name or picture")),
        ],
    }


def _closes_after(gathered: Gathered) -> int:
    """Days to each of the two steps: shorter for a child (law C-02)."""
    return keep_each(gathered.answer.case).days


def _contact_kept(gathered: Gathered) -> str:
    if evidence_locks.in_force(gathered.answer.case_id) is not None:
        return _(
            "kept while the lock stands, so that we can tell you before it ends, and %(days)s days "
            "more"
        ) % {"days": _closes_after(gathered)}
    days = _closes_after(gathered)
    return _("kept until %(days)s days after the request closes") % {"days": days}


def _photo_rows(gathered: Gathered) -> list[Row]:
    if gathered.probe_received is None:
        return [
            (_("Your photo"), _("none was compared")),
            (
                _("What you named"),
                _("kept encrypted until %(days)s days after the request closes")
                % {"days": _closes_after(gathered)},
            ),
        ]
    return [
        (
            _("Your photo"),
            _(
                "received on %(day)s, kept encrypted; deleted when the request closes, "
                "%(days)s days after this answer leaves, or with the deletion you asked for"
            )
            % {"day": day(gathered.probe_received), "days": _closes_after(gathered)},
        ),
        (_("Your face code"), _("made in memory for the search, never stored")),
    ]
