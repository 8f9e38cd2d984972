"""What the audit report of a case says, from the trail and from checks made now (law 9(e), L-25).

The report is pseudonymous: the case by its reference, staff by number, nothing of the person. Its
events come from the same export that lies inside the PDF, so both say the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.audit import services as audit
from dsr_portal.cases import lateness, other_systems, page_wishes
from dsr_portal.cases.clocks import clock_of
from dsr_portal.cases.models import (
    UNIDENTIFIED,
    Case,
    Extension,
    HeldBack,
    IdentityWay,
    Outcome,
    WayKind,
    Withheld,
)
from dsr_portal.cases.other_models import SearchedSystem
from dsr_portal.cases.page_models import PageAction
from dsr_portal.compliance import (
    accountability,
    ai_act,
    concerning,
    own_processing,
    search_log,
    statistics,
)
from dsr_portal.compliance.evidence import Proof, Told, completeness, standing, told
from dsr_portal.core import clock
from dsr_portal.core.registries import sentences
from dsr_portal.disclosure import selectors as disclosure
from dsr_portal.documents import selectors as documents
from dsr_portal.documents import statements
from dsr_portal.documents.templatetags.documents import day, grouped, moment
from dsr_portal.erasure import selectors as erasure
from dsr_portal.erasure.grounds import article_of
from dsr_portal.erasure.models import Plan, Verification
from dsr_portal.gallery import selectors as gallery
from dsr_portal.law import authorities
from dsr_portal.law.articles import EXEMPTIONS, REFUSAL_GROUNDS, Exemption, RefusalGround
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.models import Position, Search, Verdict
from dsr_portal.policy import assessment, installed
from dsr_portal.policy import selectors as policy
from dsr_portal.policy.catalogue import all_names, definition
from dsr_portal.recognition import calibration
from dsr_portal.recognition.calibration import MeasuredMisses
from dsr_portal.vault.process import unencrypted_swap

Section = dict[str, Any]
SHEET = statements.to_office(
    "audit_report",
    *(statements.ANSWER, statements.FACTS, "scope", "clock", "evidence", "identity", "search"),
    *(
        "systems",
        "review",
        "answer",
        "erasure",
        "refusals",
        "settings",
        "people",
        "events",
        "gaps",
        "verify",
    ),
    law="Art. 5(2), 58(1)(e); L-01, L-20",
)
_LONGEST = 40
_NUMBERS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Touching:
    """The orders and breaches of the case that this reader may know of."""

    orders: Sequence[concerning.Entry]
    breaches: Sequence[concerning.Entry]

    def data(self) -> dict[str, Any]:
        """For machines; a statement of the database now, unlike the trail it proves nothing."""
        return {
            "orders": [one.data for one in self.orders],
            "breaches": [one.data for one in self.breaches],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The template's context, the export it tells about, and what was found out about the trail."""

    context: dict[str, Any]
    export: dict[str, Any]
    verification: audit.Verification
    missing: tuple[str, ...]
    touching: Touching
    searches: list[dict[str, Any]]

    @property
    def verified(self) -> bool:
        return self.verification.ok


def build(*, case: Case, authority_code: str, requested_by: str, role: str) -> Report:
    """Verify the whole chain now, export the case's events, and put both into words."""
    verification = audit.verify()
    if not isinstance(verification, audit.Verification):
        raise TypeError("the chain in the database was to be verified")
    export = audit.export(case.id)
    events = told(export)
    proofs = completeness(case, events)
    searches = search_log.rows(events)
    missing = tuple(proof.row for proof in proofs if proof.missing)
    touching = Touching(
        concerning.orders_of(case, authority_code), concerning.breaches_of(case, authority_code)
    )
    sections = [
        _scope(case, authority_code, requested_by, role, events),
        _clock(case),
        _evidence(proofs),
        _own_processing(case, events),
        _identity(case),
        _search(case),
        *_search_log(searches),
        _systems(case),
        _review(case),
        _answer(case, events),
        _erasure(case, events),
        _refusals(case, events),
        *_orders(touching.orders),
        *_breaches(touching.breaches),
        _settings(case),
        *_statistics(),
        _ai_items(),
        _people(events),
        _trail(events),
        _gaps(authority_code),
        _verify(verification, export),
    ]
    context = {
        "short_answer": _verdict(verification),
        "facts": [
            (_("Due"), day(case.due_on)),
            (_("Late"), _lateness(case)),
            (_("Evidence missing"), ", ".join(missing) or _("none")),
        ],
        "contents": [
            *((one["id"], one["heading"]) for one in sections),
            ("contacts", _("How to reach us")),
            ("check", _("How to check this document")),
        ],
        "sections": sections,
    }
    return Report(context, export, verification, missing, touching, searches)


def _verdict(found: audit.Verification) -> str:
    if found.ok and not found.whole:
        return _(
            "Every event of the trail is as it was written, but it goes on from a restored backup "
            "at event number %(number)s: what was written between the backup and the loss is gone."
        ) % {"number": found.restores[-1].number}
    if found.ok and found.head is not None:
        return _(
            "The trail was verified from its first event to number %(number)s: every event is as "
            "it was written."
        ) % {"number": found.head.number}
    return _("The trail does NOT verify. First broken event: number %(number)s (%(reason)s).") % {
        "number": found.first_broken,
        "reason": found.reason,
    }


def _lateness(case: Case) -> str:
    done = case.delivered_at or case.closed_at
    last = clock.local_date(done) if done else clock.today()
    days = (last - case.due_on).days
    if days <= 0:
        return _("no")
    return ngettext("%(days)s day", "%(days)s days", days) % {"days": days}


# -- scope and clock ------------------------------------------------------------------------------


def _scope(
    case: Case, authority_code: str, requested_by: str, role: str, events: Sequence[Told]
) -> Section:
    authority = authorities.get(authority_code) if authority_code else None
    controller = settings.DSR_CONTROLLER
    period = f"{_when(events[0])} – {_when(events[-1])}" if events else _("no events")
    return {
        "id": "scope",
        "heading": _("Scope and maker of this report"),
        "text": _(
            "This report is about one case and what the trail holds about it. No filter was "
            "applied. Staff appear by number and the person not at all."
        ),
        "rows": [
            (_("Case"), case.reference),
            (_("Period"), period),
            (_("Authority"), authority.name if authority else _("none (for the DPO)")),
            (_("Orders"), _("see the section about orders")),
            (_("Asked for by"), f"{requested_by} ({role})"),
            (_("Controller"), controller["name"]),
            (_("Representative"), controller["representative"] or _("none")),
            (_("Data protection officer"), controller["dpo"]),
            (_("AI Act, Art. 5(1)(e)"), ai_act.statement_words()),
        ],
    }


def _clock(case: Case) -> Section:
    return {
        "id": "clock",
        "heading": _("Clock"),
        "text": _("One month from the day of arrival (Art. 12(3); Reg. 1182/71)."),
        "rows": [
            (_("State"), f"{case.get_status_display()}. {case.get_outcome_display()}".strip(" .")),
            (_("Arrived"), f"{day(case.arrived_on)} ({case.get_channel_display()})"),
            *_first_written(case),
            (_("Date before rolling"), day(case.due_unrolled)),
            (_("Last legal day"), f"{day(case.due_on)} ({case.calendar})"),
            *_stood_still(case),
            *_missed_dates(case),
            (_("Decided"), moment(case.decided_at) or _("not yet")),
            (_("Delivered"), moment(case.delivered_at) or _("not yet")),
            (_("Closed"), moment(case.closed_at) or _("not yet")),
        ],
    }


def _first_written(case: Case) -> list[tuple[str, str]]:
    """The day that was written down first, where two persons agreed to an earlier one (D-05)."""
    if case.corrected_on is None:
        return []
    return [(_("Written down at first"), day(case.received_on))]


# -- evidence -------------------------------------------------------------------------------------


def _evidence(proofs: Sequence[Proof]) -> Section:
    return {
        "id": "evidence",
        "heading": _("Evidence by kind"),
        "text": _(
            "What must be there follows from the case's rows in the database: each search, "
            "decision, document and delivery in them needs its event in the trail."
        ),
        "table": {
            "caption": "",
            "heads": [_("Row"), _("What"), _("Events"), _("Standing"), _("Numbers")],
            "rows": [
                (
                    proof.row,
                    proof.title,
                    str(len(proof.numbers)),
                    standing(proof),
                    _numbers(proof.numbers),
                )
                for proof in proofs
            ],
        },
    }


def _own_processing(case: Case, events: Sequence[Told]) -> Section:
    """What shows that this request itself was handled as the law asks (P-14, Art. 5(2))."""
    return {
        "id": "own-processing",
        "heading": _("How this request itself was handled"),
        "text": _(
            "Each line rests on events of the trail, by number, on the register it names, or on a "
            "check made for this report."
        ),
        "table": {
            "caption": "",
            "heads": [_("Row"), _("What"), _("Shown by")],
            "rows": [(one.row, one.title, one.words) for one in own_processing.shown(case, events)],
        },
    }


def _numbers(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:_NUMBERS_SHOWN])
    return shown + (" …" if len(numbers) > _NUMBERS_SHOWN else "")


def _identity(case: Case) -> Section:
    checks = list(case.identity_checks.order_by("at"))
    asked = sum(check.way == IdentityWay.DOCUMENT for check in checks)
    return {
        "id": "identity",
        "heading": _("Identity"),
        "text": _(
            "The level is fixed before the search and never depends on what was found. A document "
            "is never asked for; a person may prefer one."
        ),
        "rows": [
            (_("Level needed, level met"), f"L{case.required_level}, L{case.level}"),
            *(
                (
                    moment(check.at),
                    f"{check.get_way_display()}; {check.get_element_display() or '-'}; "
                    f"L{check.level_reached}; {check.officer}",
                )
                for check in checks
            ),
            (_("Documents used"), str(asked)),
            *_proofs(case),
            *(
                (
                    _("Asked for more"),
                    _("%(when)s by %(who)s; %(means)s ways offered; answered: %(answered)s")
                    % {
                        "when": moment(ask.at),
                        "who": ask.officer,
                        "means": len(ask.means),
                        "answered": moment(ask.answered_at) or _("not yet"),
                    },
                )
                for ask in case.asks.order_by("at")
            ),
        ],
    }


def _proofs(case: Case) -> list[tuple[str, str]]:
    """Each document as a proof: why it was taken, what it showed, when it was destroyed (L-02)."""
    return [
        (
            _("Document as proof"),
            _("%(kind)s; %(why)s; looked at by %(who)s; picture destroyed: %(gone)s")
            % {
                "kind": one.get_kind_display(),
                "why": one.get_why_display(),
                "who": one.checked_by or "-",
                "gone": moment(one.destroyed_at) or _("not yet"),
            },
        )
        for one in case.proof_documents.order_by("given_at")
    ]


def _search(case: Case) -> Section:
    search = matching.latest_search(case.id)
    heading = {"id": "search", "heading": _("How the search was made")}
    if search is None:
        return {**heading, "text": _("No search was made in this case.")}
    if not search.compares:
        return {
            **heading,
            "text": _("No face was compared: records were looked up by what the person named."),
            "rows": [
                *_look_up_rows(search),
                (_("Ended"), moment(search.finished_at) or _("not yet")),
            ],
        }
    test = calibration.measured_misses(search.threshold, photos=search.photos)
    return {
        **heading,
        "text": _(
            "hnswlib proposes, then an exact sweep compares the enrolled faces one by one. Counts "
            "rest on the union after the sweep."
        ),
        "rows": [
            (_("Model"), search.model or _("not recorded")),
            (_("Photos searched with together"), str(search.photos)),
            (_("Review threshold"), _score(search.threshold)),
            (_("Strong band from"), _score(search.strong_threshold)),
            (
                _("Compared"),
                _("%(compared)s of %(enrolled)s")
                % {"compared": search.compared, "enrolled": search.enrolled},
            ),
            (_("Found by hnswlib"), str(search.found_by_graph)),
            (_("Added by the sweep"), str(search.added_by_sweep)),
            (_("Parts without a graph"), str(search.swept_only)),
            *_look_up_rows(search),
            (_("Share missed at this threshold"), _missed(test)),
            (_("Searches showing a stranger"), _strangers(search)),
            (_("Pose check, ISO/IEC 30107-3 figures"), _("not tested")),
            (_("Results by group of people"), _("not tested")),
            (_("Ended"), moment(search.finished_at) or _("not yet")),
        ],
    }


def _search_log(searches: Sequence[dict[str, Any]]) -> list[Section]:
    """Each search of the case in the trail: when, in what, by whom verified (AI-04, L-04)."""
    if not searches:
        return []
    return [
        {
            "id": "search-log",
            "heading": _("Log of searches (AI Act, Art. 12(3))"),
            "text": _(
                "Each search in the trail. The file searches.json inside this PDF has every part "
                "for machines; photos stand there by reference and never as pictures."
            ),
            "table": {
                "caption": "",
                "heads": [
                    _("Ended"),
                    _("Searched"),
                    _("Not searched"),
                    _("Result"),
                    _("Errors"),
                    _("Verified by"),
                    _("Missing"),
                ],
                "rows": [_logged(one) for one in searches],
            },
        }
    ]


def _logged(row: Mapping[str, Any]) -> tuple[str, ...]:
    kinds = [row[name] for name in search_log.KINDS.values() if name in row]
    databases = [one["reference_database"] for one in kinds]
    systems = [name for one in databases for name in _listed(one["systems"])]
    left = {name for one in databases for name in _listed(one["not_searched"])}
    results = [f"{name}: {count}" for one in kinds for name, count in one["result"].items()]
    failed = [code for one in kinds for code in _listed(one["errors"]["errors"])]
    by = [f"{one['staff']} ({one['position']})" for one in row["verified_by"]]
    return (
        f"{str(row['ended_at'])[:19].replace('T', ' ')} UTC",
        ", ".join(systems) or "-",
        ", ".join(sorted(left)) or "-",
        "; ".join(results),
        ", ".join(failed) or _("none"),
        ", ".join(by) or _("nobody yet"),
        ", ".join(row["missing"]) or _("none"),
    )


def _listed(value: object) -> list[str]:
    """A list of words of an event; a damaged one is shown as empty and named as broken above."""
    return [str(one) for one in value] if isinstance(value, list) else []


def _strangers(search: Search) -> str:
    """FPIR(N, T) with what it rests on (law B-07)."""
    test = calibration.measured_strangers(search.threshold, search.enrolled, photos=search.photos)
    if test is None:
        return _("not tested here")
    return _(
        "%(share)s (%(interval)s), where nothing is held of a person; %(strangers)s strangers each "
        "on average among %(faces)s faces: from %(pairs)s pairs of strangers in test %(name)s of "
        "%(day)s"
    ) % {
        "share": f"{100 * test.fpir:.1f} %",
        "interval": _between(test.interval),
        "strangers": f"{test.strangers:,.2f}",
        "faces": f"{test.enrolled:,}",
        "pairs": f"{test.pairs:,}",
        "name": test.name,
        "day": test.made_on,
    }


def _missed(test: MeasuredMisses | None) -> str:
    if test is None:
        return _("not tested here")
    return _("%(missed)s (%(interval)s) in test %(name)s of %(day)s, %(people)s people") % {
        "missed": f"{100 * test.missed:.1f} %",
        "interval": _between((test.low, test.high)),
        "name": test.name,
        "day": test.made_on,
        "people": test.people,
    }


def _between(interval: tuple[float, float] | None) -> str:
    """A share is a measurement: it comes with its interval or says that there is none (B-07)."""
    if interval is None:
        return _("interval not measured")
    low, high = (f"{100 * share:.1f}" for share in interval)
    return _("95 %% interval: %(low)s to %(high)s %%") % {"low": low, "high": high}


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _look_up_rows(search: Search) -> list[tuple[str, Any]]:
    """What was looked up, apart from any comparison of faces (R15)."""
    rows: list[tuple[str, Any]] = [
        (
            _("Looked up by %(kind)s") % {"kind": WayKind(one["kind"]).label},
            _("%(named)s named, %(found)s found") % {"named": one["named"], "found": one["found"]},
        )
        for one in search.looked_up
    ]
    if search.looks_up:
        rows.append((_("Pictures in the sources then"), str(search.pictures)))
    return rows


def _systems(case: Case) -> Section:
    """What people searched beside the portal: codes, persons and days, never their words (A-17)."""
    heading = {"id": "systems", "heading": _("The controller's other systems")}
    stated = {row.system_id: row for row in case.searched.select_related("system", "standing")}
    past = [row.system for row in stated.values()]
    systems = {one.id: one for one in [*other_systems.listed(), *past]}
    if not systems:
        none = other_systems.none_stated()
        told = _("Nobody has listed any, and no director stated that there are none.")
        if none is not None:
            told = _("%(who)s stated on %(day)s that there are none.") % {
                "who": none.stated_by,
                "day": day(none.stated_at),
            }
        return {**heading, "text": told}
    return {
        **heading,
        "rows": [
            (
                f"{one.name} ({one.get_kind_display()})",
                _system_words(row) if (row := stated.get(one.id)) else _("not stated"),
            )
            for one in systems.values()
        ],
    }


def _system_words(row: SearchedSystem) -> str:
    """Who stated it, or whose standing answer spoke; files, and what became of what was found."""
    said = f"{row.get_outcome_display()}: {row.by}, {moment(row.at)}"
    if row.standing is not None:
        said = _(
            "not searched: a standing answer of %(one)s and %(two)s, in force until %(until)s, "
            "spoke on %(at)s"
        ) % {
            "one": row.standing.proposed_by,
            "two": row.standing.agreed_by,
            "until": day(row.standing.until),
            "at": moment(row.at),
        }
    parts = [said]
    if files := row.files.count():
        parts.append(ngettext("%(number)s file", "%(number)s files", files) % {"number": files})
    if row.erased:
        parts.append(f"{row.get_erased_display()}: {row.erased_by}, {moment(row.erased_at)}")
    return "; ".join(parts)


def _review(case: Case) -> Section:
    review = matching.current_review(case.id)
    heading = {"id": "review", "heading": _("Review by people")}
    if review is None:
        return {**heading, "text": _("No person has compared pictures in this case.")}
    rows = review.decisions.exclude(verdict="")
    disputed = review.decisions.filter(position=Position.SUPERVISOR).count()
    seconds = rows.filter(position=Position.SECOND).count()

    def words(officer: str | None, position: Position) -> str:
        kinds = list(rows.filter(position=position).values_list("verdict", flat=True))
        if not officer:
            return _("not needed") if position == Position.SUPERVISOR else _("not yet")
        said = [f"{kinds.count(kind)} {kind.label}" for kind in Verdict if kind in kinds]
        nothing = _("nothing to decide")
        return f"{officer}: {', '.join(said) or nothing}"

    return {
        **heading,
        "text": _(
            "First and second person are different people; the second was drawn and decided "
            "without seeing what the first had said."
        ),
        "rows": [
            (_("First person"), words(review.first_officer, Position.FIRST)),
            (_("Second person"), words(review.second_officer, Position.SECOND)),
            (_("Supervisor"), words(review.supervisor, Position.SUPERVISOR)),
            (
                _("Disagreement"),
                _("%(disputed)s of %(seen)s pictures seen by both")
                % {"disputed": disputed, "seen": seconds},
            ),
            (_("State"), review.get_state_display()),
        ],
    }


# -- what left, what was erased --------------------------------------------------------------------


def _answer(case: Case, events: Sequence[Told]) -> Section:
    heading = {"id": "answer", "heading": _("Decision, answer, delivery")}
    answer = disclosure.current_answer(case.id)
    if answer is None:
        return {**heading, "text": _("No answer was made in this case.")}
    rows: list[tuple[str, Any]] = [
        (_("Kind"), answer.get_kind_display()),
        (_("State"), answer.get_state_display()),
        (_("Prepared by, approved by"), f"{answer.prepared_by}, {answer.approved_by or '-'}"),
        (_("Records disclosed"), str(answer.records.count())),
        (_("Faces of others covered"), str(sum(row.covered for row in answer.records.all()))),
        *_redaction(events),
        *_advice(),
    ]
    for document in documents.of_case(case.id):
        rows.append(
            (
                document.get_kind_display(),
                _("%(pages)s pages, %(size)s bytes, made on %(when)s")
                % {
                    "pages": document.pages,
                    "size": document.size,
                    "when": moment(document.created_at),
                },
            )
        )
        rows.append((_("SHA-256"), grouped(document.sha256)))
    if answer.package_sha256:
        rows.append((_("SHA-256 of the package"), grouped(answer.package_sha256)))
    rows += _kept_back(case)
    for delivery in case.deliveries.order_by("created_at"):
        opened = moment(delivery.first_opened_at) or _("not opened")
        left = moment(delivery.released_at) or _("not yet")
        rows.append(
            (
                _("Delivery"),
                _("%(kind)s; left: %(left)s; first opened: %(opened)s")
                % {"kind": delivery.get_kind_display(), "left": left, "opened": opened},
            )
        )
    return {**heading, "rows": rows}


def _redaction(events: Sequence[Told]) -> list[tuple[str, str]]:
    """Faces found, exceptions and who covered them, as the trail has it (L-06)."""
    made = [one.data for one in events if one.type == "answer.made" and one.data]
    if not made or "faces" not in made[-1]:
        return []
    return [
        (_("Faces found in these pictures"), str(made[-1]["faces"])),
        (
            _("Faces of others left open"),
            _("%(count)s; nobody can leave one open, so there are no reasons; covered by: %(who)s")
            % {"count": made[-1]["exceptions"], "who": made[-1]["redactor"]},
        ),
    ]


def _advice() -> list[tuple[str, str]]:
    """Whom the DPO advised: those who decide how requests are handled, never on one (G-02)."""
    newest = assessment.in_force()
    words = (
        _(
            "on the impact assessment of version %(version)s: %(who)s; on this request: none, "
            "the DPO decides no request"
        )
        % {"version": newest.version, "who": newest.advised_by or "-"}
        if newest
        else _("none: no impact assessment is in force")
    )
    return [(_("Advice of the data protection officer"), words)]


def _kept_back(case: Case) -> list[tuple[str, str]]:
    """Each record held back, with its ground, last day and both persons (L-07, R-02, E-03)."""
    rows = case.withheld.select_related("proposal").order_by("at")
    return [
        (
            _("Held back %(what)s") % {"what": one.get_what_display()},
            _("%(article)s; until %(until)s; %(by)s, %(agreed)s")
            % {
                "article": _article_of(one),
                "until": day(one.until) or "-",
                "by": one.proposal.proposed_by,
                "agreed": one.agreed_by,
            },
        )
        for one in rows
    ]


def _article_of(row: Withheld) -> str:
    if row.what == HeldBack.ERASURE:
        return f"{EXEMPTIONS[Exemption(row.ground)].article} GDPR"
    return f"{REFUSAL_GROUNDS[RefusalGround(row.ground)].article} GDPR"


def _erasure(case: Case, events: Sequence[Told]) -> Section:
    heading = {"id": "erasure", "heading": _("Erasure")}
    plan = erasure.current_plan(case.id)
    if plan is None:
        return {**heading, "text": _("No erasure was planned in this case.")}
    checks = list(plan.verifications.order_by("store"))
    section: Section = {
        **heading,
        "text": _("Each state comes from a check made at that moment; none is repeated here."),
        "rows": [
            (_("State"), plan.get_state_display()),
            (_("Records"), str(plan.records.count())),
            (_("Planned"), moment(plan.frozen_at)),
            (_("Begun"), moment(plan.started_at) or _("not yet")),
            (_("Verified"), moment(plan.verified_at) or _("not yet")),
            *_grounds(plan),
            (_("Last older backup ends"), _backups_end(checks)),
            (_("Entries of the erasure ledger"), _ledger(events)),
        ],
    }
    if checks:
        section["table"] = {
            "caption": _("Checks by store"),
            "heads": [_("Store"), _("State"), _("Method"), _("Found"), _("Checked")],
            "rows": [
                (
                    check.store,
                    check.get_state_display(),
                    check.method,
                    str(check.found),
                    moment(check.checked_at),
                )
                for check in checks
            ],
        }
    return section


def _ledger(events: Sequence[Told]) -> str:
    """The entries that say so outside the database, by their numbers (L-10, R31)."""
    numbers = [
        (one.data["ledger_first"], one.data["ledger_last"])
        for one in events
        if one.type == "erasure.shredded" and one.data and "ledger_last" in one.data
    ]
    return ", ".join(
        str(last) if first == last else f"{first}-{last}" for first, last in numbers
    ) or _("none yet")


def _grounds(plan: Plan) -> list[tuple[str, str]]:
    """The grounds by article and who answers for them; words of people stay in the case (L-07)."""
    return [
        (
            _("Ground"),
            _("%(article)s; %(how)s; %(who)s, %(when)s")
            % {
                "article": article_of(one.ground),
                "how": _("by the rule: %(why)s") % {"why": one.get_why_display()}
                if one.by_rule
                else _("chosen by a person"),
                "who": one.decided_by,
                "when": moment(one.decided_at),
            },
        )
        for one in plan.grounds.order_by("ground")
    ]


def _backups_end(checks: Sequence[Verification]) -> str:
    """L-10: until when something erased lies in a backup, where nobody can open it (E-05)."""
    found = next((one for one in checks if one.store == "backups"), None)
    if found is None:
        return _("not checked yet")
    if found.until is None:
        return _("none (%(method)s)") % {"method": found.method}
    return day(found.until)


def _stood_still(case: Case) -> list[tuple[str, str]]:
    """Each pause with its question and who agreed; and the date without them (law D-07, L-12)."""
    counted = clock_of(case)
    rows = [
        (
            _("Clock stood still"),
            _("%(first)s to %(last)s: %(ground)s (%(by)s)")
            % {
                "first": day(one.from_on),
                "last": day(one.until_on) or _("now"),
                "ground": one.get_ground_display(),
                "by": ", ".join(part for part in (one.by, one.agreed_by) if part),
            },
        )
        for one in case.pauses.exclude(from_on=None).order_by("from_on")
    ]
    if counted.due != counted.unpaused:
        rows.append((_("Last legal day without pauses"), day(counted.unpaused.legal)))
    return rows


def _missed_dates(case: Case) -> list[tuple[str, str]]:
    """Missed dates stay, with their reason and the letters about them (law D-09)."""
    return [
        (
            _("Date missed"),
            _(
                "%(day)s: %(reason)s; letters: %(letters)s; promised then: %(new)s; "
                "promised and missed too: %(broken)s"
            )
            % {
                "day": day(one.missed_on),
                "reason": one.get_reason_display() or _("no reason written down"),
                "letters": lateness.letters_about(case, one).count(),
                "new": day(one.new_date) if one.new_date else _("nothing"),
                "broken": day(one.broken_on) if one.broken_on else _("none"),
            },
        )
        for one in case.lateness.order_by("missed_on")
    ]


def _extended(case: Case) -> str:
    extension = Extension.objects.filter(case=case).select_related("letter", "proposal").first()
    if extension is None:
        return _("no")
    told = day(extension.told_on) if extension.told_on else _("not told in time, so void")
    return _("%(months)s months; told: %(told)s; ground: %(reason)s; proposed by %(by)s") % {
        "months": extension.months,
        "told": told,
        "reason": extension.reason,
        "by": extension.proposal.proposed_by,
    }


def _held_back(case: Case) -> str:
    """Records held back from answer or erasure, by ground; never which (law R-02, E-03)."""
    rows = case.withheld.order_by("at").values_list("what", "ground", "until")
    return "; ".join(
        f"{what}: {ground}" + (f" ({day(until)})" if until else "") for what, ground, until in rows
    ) or _("none")


def _one_page(case: Case) -> str:
    """What two persons decided about pictures at what was named, by number (rule R6)."""
    wish = page_wishes.dealt_with(case)
    if wish is None:
        return _("no")
    actions = list(wish.verdicts.values_list("action", flat=True))
    counts = "; ".join(
        f"{action.label}: {actions.count(action)}" for action in PageAction if action in actions
    )
    plan = erasure.own_plan(case.id)
    gone = plan.get_state_display() if plan is not None else _("not begun")
    return _("%(pictures)s pictures there. %(counts)s. Erasure: %(gone)s") % {
        "pictures": len(actions),
        "counts": counts or "-",
        "gone": gone if PageAction.ERASE in actions else _("not decided"),
    }


def _refusals(case: Case, events: Sequence[Told]) -> Section:
    refused = case.outcome in UNIDENTIFIED | {Outcome.REFUSED, Outcome.PARTLY_REFUSED}
    blocks = [event for event in events if event.type == "block.added"]
    return {
        "id": "refusals",
        "heading": _("Refusals, extensions, recipients, block of collection"),
        "rows": [
            (_("Refused"), case.get_outcome_display() if refused else _("no")),
            (_("One page dealt with, not identified"), _one_page(case)),
            (_("Held back"), _held_back(case)),
            (_("Extended"), _extended(case)),
            (_("Recipients told (Art. 19)"), _recipients_told(case)),
            (_("Addresses blocked"), _blocked(blocks)),
        ],
    }


def _recipients_told(case: Case) -> str:
    """How many of those the logs name were told, and in which state the others stand (R16)."""
    rows = gallery.recipients_told(case.id)
    if not rows:
        return _("nobody had to be told, as far as the logs go")
    return "; ".join(f"{one.recipient} ({one.country}): {one.words}" for one in rows)


def _blocked(events: Sequence[Told]) -> str:
    names = ("pages", "images", "files")
    counts = {name: sum(int((event.data or {}).get(name, 0)) for event in events) for name in names}
    if not any(counts.values()):
        return _("none")
    return _("%(pages)s pages, %(images)s picture addresses, %(files)s files") % counts


# -- orders and breaches ---------------------------------------------------------------------------


def _orders(entries: Sequence[concerning.Entry]) -> list[Section]:
    return _entries(
        entries,
        name="orders",
        heading=_("Orders about this case"),
        text=_(
            "Orders of this report's authority that name the case, or that order every request "
            "of their day to be answered. A check reads what the portal knows at that moment."
        ),
        none=_("No order that this report may tell of is about this case."),
    )


def _breaches(entries: Sequence[concerning.Entry]) -> list[Section]:
    return _entries(
        entries,
        name="breaches",
        heading=_("Breaches about this case"),
        text=_(
            "From the register of Art. 33(5). The reasons of decisions stand there; they may "
            "name persons and are not repeated."
        ),
        none=_("No breach in the register is about this case."),
    )


def _entries(
    entries: Sequence[concerning.Entry], *, name: str, heading: str, text: str, none: str
) -> list[Section]:
    """One section for each entry: the first explains, further ones are numbered."""
    if not entries:
        return [{"id": name, "heading": heading, "text": none}]
    many = len(entries) > 1
    return [
        {
            "id": name if number == 1 else f"{name}-{number}",
            "heading": f"{heading} ({number})" if many else heading,
            "text": text if number == 1 else "",
            "rows": entry.rows,
        }
        for number, entry in enumerate(entries, start=1)
    ]


# -- settings, people, trail -----------------------------------------------------------------------


def _settings(case: Case) -> Section:
    search = matching.latest_search(case.id)
    used = [] if search is None or not search.compares else policy.used_in_search(search.started_at)
    return {
        "id": "settings",
        "heading": _("Settings in force now"),
        "text": _("A change takes two persons; the old value serves until then."),
        "rows": [
            (
                str(definition(name).label),
                _("%(value)s (version %(version)s)")
                % {"value": policy.current(name), "version": policy.version(name)},
            )
            for name in sorted(all_names())
        ]
        + [(_("This case was searched under: %(what)s") % {"what": one}, by) for one, by in used]
        + _assessed(search)
        + _installed(),
    }


def _installed() -> list[tuple[str, str]]:
    """Changes of the installation's own settings: old, new, assessment, who said why (L-15)."""
    return [
        (
            _("Changed: %(what)s") % {"what": one.setting},
            _("%(old)s to %(new)s on %(day)s; impact assessment: %(version)s; why: %(why)s")
            % {
                "old": one.old,
                "new": one.new,
                "day": day(one.at),
                "version": one.assessment or "-",
                "why": f"{installed.LABELS[one.why]} ({one.by})" if one.why else _("nobody said"),
            },
        )
        for one in installed.changes()
    ]


def _statistics() -> list[Section]:
    """The rows of the monthly report, over the last twelve months; about no single case (L-18)."""
    return statistics.of_last_year().sections()


def _ai_items() -> Section:
    """The five items of the AI Act, each by its name (AI-06)."""
    return {
        "id": "ai-act",
        "heading": _("AI Act: instructions, accuracy, limits, oversight, explanation"),
        "text": "",
        "rows": [(f"{one.heading} ({one.law})", one.text) for one in ai_act.items()],
    }


def _assessed(search: Search | None) -> list[tuple[str, str]]:
    """Which impact assessment this case was searched under, and which is in force (P-09)."""
    newest = assessment.in_force()
    rows = [
        (
            _("Impact assessment in force now"),
            _("version %(version)s, approved by %(who)s on %(day)s")
            % {
                "version": newest.version,
                "who": newest.approved_by,
                "day": day(newest.approved_at),
            }
            if newest
            else _("none"),
        )
    ]
    if search is not None and search.compares:
        ran = assessment.in_force_at(search.finished_at or search.started_at)
        words = _("version %(version)s") % {"version": ran} if ran else _("none")
        what = _("This case was searched under: %(what)s") % {"what": _("Impact assessment")}
        rows.append((what, words))
    return rows


def _answered_for(events: Sequence[Told]) -> Section:
    """Each kind of decision in this case, who took it, and who answered for it that day (L-16)."""
    rows: dict[tuple[str, str, str], int] = {}
    for event in events:
        duty = accountability.duty_of(event.type)
        if duty is None or event.at is None:
            continue
        on = accountability.answered_for(event.type, clock.local_date(event.at))
        stands_in = _("stands in")
        names = ", ".join(
            f"{one.staff_no} ({stands_in})" if one.stands_in else one.staff_no for one in on
        )
        by = accountability.stands_behind(event)
        key = (str(duty.label), by or "-", names or _("nobody named in the register"))
        rows[key] = rows.get(key, 0) + 1
    if not rows:
        return {}
    return {
        "table": {
            "caption": _("Who answered for these decisions on their day"),
            "heads": [_("Decision"), _("Taken by"), _("Answers"), _("Events")],
            "rows": [(*key, str(count)) for key, count in sorted(rows.items())],
        }
    }


def _people(events: Sequence[Told]) -> Section:
    acts: dict[tuple[str, str], int] = {}
    for event in events:
        if event.actor_kind in {"staff", "regulator", "operator"}:
            key = (event.actor_id, event.actor_role)
            acts[key] = acts.get(key, 0) + 1
    return {
        **_answered_for(events),
        "id": "people",
        "heading": _("Who acted"),
        "text": "" if acts else _("Nobody of staff has acted in this case yet."),
        "rows": [
            (
                f"{number} ({role})",
                ngettext("%(events)s event", "%(events)s events", count) % {"events": count},
            )
            for (number, role), count in sorted(acts.items())
        ],
    }


def _trail(events: Sequence[Told]) -> Section:
    return {
        "id": "events",
        "heading": _("The trail of this case"),
        "text": _("Hashes and other long values stand in the file trail.json inside this PDF."),
        "table": {
            "caption": "",
            "heads": [_("No."), _("Time"), _("What"), _("By"), _("Details")],
            "rows": [
                (str(event.number), _second(event), _sentence(event), _by(event), _details(event))
                for event in events
            ],
        },
    }


def _when(event: Told) -> str:
    return moment(event.at) if event.at else event.at_text


def _second(event: Told) -> str:
    """To the second, short enough for a column; as stored where it is no time."""
    return f"{timezone.localtime(event.at):%Y-%m-%d %H:%M:%S}" if event.at else event.at_text


def _by(event: Told) -> str:
    if event.actor_kind in {"staff", "regulator"}:
        return f"{event.actor_id} {event.actor_role}"
    return _("the person") if event.actor_kind == "person" else event.actor_kind


def _sentence(event: Told) -> str:
    if event.data is not None and event.type in sentences:
        try:
            return str(sentences.get(event.type)(event.data))
        except (KeyError, TypeError, ValueError):
            return _("%(type)s (not as written)") % {"type": event.type}
    return event.type


def _details(event: Told) -> str:
    if event.removed:
        return _("payload removed")
    if event.data is None:
        return _("not readable")
    return _pairs(event.data)


def _pairs(data: Mapping[str, Any]) -> str:
    told_of = []
    for name, value in data.items():
        if value is None or (isinstance(value, str) and len(value) >= _LONGEST):
            continue
        text = ", ".join(map(str, value)) if isinstance(value, list) else _plain(value)
        told_of.append(f"{name.replace('_', ' ')}: {text}")
    return "; ".join(told_of)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)


def _gaps(authority_code: str) -> Section:
    others = _(
        "Orders of other authorities are not listed. An event of the trail can show that one "
        "set a date."
    )
    return {
        "id": "gaps",
        "heading": _("Known gaps"),
        "points": [
            _("A change shows to whoever kept an earlier head; a trail alone proves nothing."),
            _("The time of an event is the clock of this machine; no time stamp server is used."),
            _("Recipients are as good as the logs the controller gave."),
            _("A test of how many pictures a search misses is made on other pictures than these."),
            _("The log of the retention run is not part of a report about one case."),
            *([others] if authority_code else []),
            *_open_swap(),
            _("The impact assessment and the record of processing are documents of their own."),
        ],
    }


def _open_swap() -> list[str]:
    """Swap of the machine that makes this report, where it is not known to be encrypted (X-10)."""
    if not unencrypted_swap():
        return []
    stated = settings.DSR_SWAP_STATED.strip() or _("nothing was stated")
    return [
        _("Swap of this machine looks unencrypted: memory may reach its disk. Stated: %(words)s")
        % {"words": stated}
    ]


def _verify(found: audit.Verification, export: Mapping[str, Any]) -> Section:
    rows: list[tuple[str, Any]] = [
        (_("Trail in the database"), _("whole") if found.whole else _("NOT whole")),
        (_("Head of trail.json"), _("number %(number)s") % {"number": export["head"]["number"]}),
        (_("Its hash"), grouped(export["head"]["hash"])),
        (_("Payloads removed"), str(found.payloads_removed)),
    ]
    for one in found.restores:
        text = _(
            "at event %(number)s, from a backup that ended at event %(backup)s; known to be gone: "
            "%(lost)s events"
        ) % {"number": one.number, "backup": one.backup.number, "lost": one.lost}
        rows.insert(1, (_("Restored from a backup"), text))
    if not found.ok:
        rows.insert(1, (_("First broken event"), str(found.first_broken)))
        rows.insert(2, (_("Reason"), str(found.reason)))
    return {
        "id": "verify",
        "heading": _("How to verify the trail"),
        "text": _(
            "Take trail.json out of this PDF. It lists one hash for each event of the trail and "
            "this case's events in full. Check it with \"manage.py verify_audit --export "
            'trail.json" or with a program of your own that follows docs/audit.md. Give a head '
            "you kept earlier with --previous-head: only then a rewritten trail shows."
        ),
        "rows": rows,
    }
