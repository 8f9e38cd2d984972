"""`manage.py policy`: settings by two persons on the command line, as named staff (R20, R34)."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand

from dsr_portal.accounts.services import actor_for
from dsr_portal.accounts.twins import acting, failed
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.exits import not_asked
from dsr_portal.policy import installed, selectors, services
from dsr_portal.policy.catalogue import all_names
from dsr_portal.policy.models import Setting

NEEDED = {
    "propose": ("setting", "value", "reason"),
    "adopt": ("proposal", "reason", "dpia_note"),
    "advise": ("proposal", "advice"),
    "approve": ("proposal",),
    "reject": ("proposal",),
    "explain": ("change", "why"),
}


class Command(BaseCommand):
    help = (
        "List settings and proposals, or decide about one as a member of staff: propose, adopt "
        "(what the operator filed), advise (the data protection officer), approve, reject; or "
        "explain why a setting of the installation was changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["list", *NEEDED], nargs="?", default="list")
        parser.add_argument("--as", dest="staff", metavar="STAFFNO", default="")
        parser.add_argument("--setting", help="a name from `policy list`")
        parser.add_argument("--value")
        parser.add_argument("--proposal", metavar="ID", help="from `policy list`")
        parser.add_argument("--reason")
        parser.add_argument("--dpia-note", dest="dpia_note")
        parser.add_argument("--advice")
        parser.add_argument("--change", type=int, help="its number, from `policy list`")
        parser.add_argument("--why", choices=installed.WHYS)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        verb = options["verb"]
        if verb == "list":
            self._list(as_json=options["json"])
            return
        missing = [name for name in NEEDED[verb] if not options[name]]
        if missing or not options["staff"]:
            names = ["--as", *(f"--{name.replace('_', '-')}" for name in NEEDED[verb])]
            raise not_asked(f"{verb} needs {', '.join(names)}.")
        actor = actor_for(acting(options["staff"]))
        if verb == "explain":
            self._explain(actor, options)
            return
        try:
            setting = _decide(verb, actor, options)
        except PortalError as error:
            raise failed(error) from error
        row = {"id": str(setting.id), "setting": setting.name, "state": setting.state}
        if options["json"]:
            self.stdout.write(json.dumps(row))
        else:
            self.stdout.write(f"{setting.name} {setting.version}: {setting.get_state_display()}")

    def _explain(self, actor: Actor, options: dict[str, Any]) -> None:
        try:
            found = installed.explain(number=options["change"], why=options["why"], actor=actor)
        except PortalError as error:
            raise failed(error) from error
        row = {"setting": found.setting, "change": found.number, "why": options["why"]}
        self.stdout.write(json.dumps(row) if options["json"] else f"{found.setting}: explained")

    def _list(self, *, as_json: bool) -> None:
        values = {
            name: {"value": selectors.current(name), "version": selectors.version(name)}
            for name in all_names()
        }
        waiting = selectors.proposals()
        if as_json:
            left = [asdict(one) | {"at": one.at.isoformat()} for one in installed.unexplained()]
            row = {"settings": values, "proposals": waiting, "unexplained": left}
            self.stdout.write(json.dumps(row))
            return
        for name, one in values.items():
            self.stdout.write(f"{name:<18} {one['value']}  (version {one['version']})")
        for proposal in waiting:
            self.stdout.write(
                f"{proposal['id']}  {proposal['setting']} -> {proposal['value']}, proposed by "
                f"{proposal['proposed_by']}; advice: {proposal['advice'] or 'none yet'}"
            )
            if proposal["measured"]:
                self.stdout.write(_measured_words(proposal["measured"]))
        for change in installed.unexplained():
            self.stdout.write(
                f"change {change.number}: {change.setting} {change.old} -> {change.new} on "
                f"{change.at:%Y-%m-%d}; nobody said why: "
                "policy explain --as STAFFNO --change NUMBER --why CODE"
            )


def _measured_words(measured: dict[str, Any]) -> str:
    return (
        f"    review threshold {measured['review']:.3f}, strong band {measured['strong']:.3f} for "
        f"{measured['enrolled']:,} faces; found {measured['found']:.2%} with "
        f"{measured['people_with_pairs']} people of two pictures; tail of strangers "
        f"{measured['tail']}; odds: {', '.join(measured['odds']) or 'none'}"
    )


def _decide(verb: str, actor: Actor, options: dict[str, Any]) -> Setting:
    if verb == "propose":
        return services.propose(
            actor=actor,
            name=options["setting"],
            value=options["value"],
            reason=options["reason"],
            dpia_note=options["dpia_note"] or "",
        )
    proposal = _id(options["proposal"])
    if verb == "adopt":
        return services.adopt(
            actor=actor,
            setting_id=proposal,
            reason=options["reason"],
            dpia_note=options["dpia_note"],
        )
    if verb == "advise":
        return services.advise(actor=actor, setting_id=proposal, advice=options["advice"])
    if verb == "approve":
        return services.approve(actor=actor, setting_id=proposal)
    return services.reject(actor=actor, setting_id=proposal)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise not_asked(f"{text!r} is no proposal's id; see `policy list`.") from None
