"""`manage.py gallery_terms`: what of the gallery ends when, what waits and why."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.core.actor import Actor
from dsr_portal.erasure import retiring, term_ends
from dsr_portal.erasure.term_ends import Ends
from dsr_portal.gallery import terms


class Command(BaseCommand):
    help = (
        "List each source with how long its pictures are kept, how many end within 30 days, how "
        "many are past their term and why these are still there. Nothing is taken by this."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--repeat", action="store_true", help="start runs again that failed for good"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["repeat"]:
            retiring.repeat_failed(actor=Actor.operator())
        found = term_ends.overview()
        if options["json"]:
            self.stdout.write(json.dumps({"sources": [_row(one) for one in found]}))
            return
        for one in found:
            self.stdout.write(f"{one.source.name}: {terms.words(one.term)}")
            self.stdout.write(f"  setting {terms.setting_of(one.source.id)}")
            self.stdout.write(
                f"  {one.standing} pictures, {one.soon} end within 30 days, {one.past} past their "
                f"term ({one.free} go next), {one.undated} not dated yet, {one.gone} gone so far"
            )
            for why, count in one.waits:
                self.stdout.write(f"  {count} wait: {why.label}")
            if one.stopped:
                self.stdout.write("  STOPPED: a run failed for good, look, then --repeat")


def _row(one: Ends) -> dict[str, object]:
    return {
        "source": one.source.name,
        "setting": terms.setting_of(one.source.id),
        "days": None if one.term is None else one.term.days,
        "pictures": one.standing,
        "ends_within_30_days": one.soon,
        "past_term": one.past,
        "go_next": one.free,
        "wait": {str(why): count for why, count in one.waits},
        "not_dated": one.undated,
        "gone": one.gone,
        "stopped": one.stopped,
    }
