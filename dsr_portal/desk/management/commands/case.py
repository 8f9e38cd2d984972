"""`manage.py case`: what the desk shows a person of staff of one case, in the terminal (R20)."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from dsr_portal.accounts.services import actor_for
from dsr_portal.accounts.twins import acting, failed
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.clocks import clock_of
from dsr_portal.cases.models import Case
from dsr_portal.core.errors import NotAllowed, NotFound, PortalError
from dsr_portal.desk.facts import CaseFacts, case_facts
from dsr_portal.matching import browsing


class Command(BaseCommand):
    help = (
        "Show a case. With --as it shows what the desk shows that person, and stands in the trail "
        "as a look; without, status and dates only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference")
        parser.add_argument("--as", dest="staff", default="", metavar="STAFFNO")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            shown = self._read(options["reference"], options["staff"])
        except PortalError as error:
            raise failed(error) from error
        if options["json"]:
            self.stdout.write(json.dumps(shown, ensure_ascii=False))
        else:
            self._print(shown)

    def _read(self, reference: str, number: str) -> dict[str, Any]:
        if not number:
            found = cases.by_reference(reference)
            if found is None:
                raise NotFound("no_case", _("There is no such case."))
            return _dates(found)
        staff = acting(number)
        actor = actor_for(staff)
        found = cases.case_for(staff, reference)
        if not browsing.opens(found, actor):
            raise NotAllowed(
                "why_missing",
                _("This case is not your work. Open it at the desk and say why first."),
            )
        with unit_of_work():
            record("case.viewed", actor=actor, case_id=found.id)
        return _everything(case_facts(found, actor))

    def _print(self, shown: dict[str, Any]) -> None:
        for name, value in shown.items():
            if isinstance(value, list):
                self.stdout.write(f"{name}:")
                for line in value:
                    text = " · ".join(map(str, line.values())) if isinstance(line, dict) else line
                    self.stdout.write(f"  {text}")
            elif isinstance(value, dict):
                said = ", ".join(f"{key} {word}" for key, word in value.items() if word)
                self.stdout.write(f"{name}: {said}")
            else:
                self.stdout.write(f"{name}: {value}")


def _dates(case: Case) -> dict[str, Any]:
    moments = ("decided_at", "delivered_at", "closed_at", "purged_at")
    days = {name: getattr(case, name) for name in moments}
    return {
        "reference": case.reference,
        "status": case.status,
        "received_on": case.received_on.isoformat(),
        "due_on": case.due_on.isoformat(),
        **{name: moment.isoformat() for name, moment in days.items() if moment is not None},
    }


def _everything(facts: CaseFacts) -> dict[str, Any]:
    case, step, search = facts.case, facts.step, facts.search
    shown: dict[str, Any] = {
        **_dates(case),
        "clock": clock_of(case).as_json(),
        "rights": facts.rights,
        "channel": case.channel,
        "urgent": case.urgent,
        "level": case.level,
        "required_level": case.required_level,
        "assignee": case.assignee,
        "next": {"step": step.title, "text": step.text, "who": step.who, "law": step.law},
        "flags": facts.flags,
        "photo": facts.photos[-1].state if facts.photos else "none",
        "photos": len(facts.photos),
        "search": None,
        "identity": [
            {"way": one.way, "element": one.element, "by": one.officer, "at": one.at.isoformat()}
            for one in facts.checks
        ],
        "consents": [
            {"scope": one.scope, "channel": one.channel, "given_at": one.given_at.isoformat(),
             "withdrawn_at": one.withdrawn_at.isoformat() if one.withdrawn_at else ""}
            for one in facts.consents
        ],
        "documents": [
            {"kind": one.kind, "pages": one.pages, "sha256": one.sha256}
            for one in facts.documents
        ],
        "words": facts.words,
        "activity": [
            {"at": entry.when.isoformat(), "who": entry.who, "text": entry.text}
            for entry in facts.activity
        ],
    }  # fmt: skip
    if search is not None:
        shown["search"] = {
            "state": search.state,
            "compared": search.compared,
            "enrolled": search.enrolled,
            "found_by_hnswlib": search.found_by_graph,
            "added_by_sweep": search.added_by_sweep,
        }
    return shown
