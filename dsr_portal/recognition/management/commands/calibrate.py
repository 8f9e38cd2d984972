"""`manage.py calibrate`: thresholds and odds from pictures of known people (R22, R34)."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.exits import ANSWER_IS_NO, not_asked, refused
from dsr_portal.recognition import calibration

REMARKS = {
    "few_people": "Fewer than 300 people have two pictures: letters do not print what is missed.",
    "cautious_review": "With so few people the review threshold is not set above 0.36.",
    "strong_extrapolated": "The strong threshold lies beyond ten times the measured pairs: "
    "extrapolated.",
    "no_loop_threshold": "Too few people with four pictures: a widened search uses the review "
    "threshold.",
    "no_odds_one_photo": "No odds for one photo: too few people, or they did not hold on others.",
    "no_odds_several_photos": "No odds for several photos: too few people with three pictures, or "
    "they did not hold on others.",
    "no_odds_widened": "No odds for widened searches: too few people with four pictures, or they "
    "did not hold on others.",
}
STEPS = {
    "1_in_2": "about 1 in 2",
    "1_in_20": "about 1 in 20",
    "1_in_200": "about 1 in 200",
    "under_1_in_1000": "fewer than 1 in 1,000",
}


class Command(BaseCommand):
    help = (
        "Measure thresholds and odds on a folder of known people (a folder per person, or a "
        "manifest) and file them. The first calibration serves at once; every later one waits "
        "for two members of staff and the data protection officer's advice (manage.py policy)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?", help="pictures of known people")
        parser.add_argument("--manifest", type=Path, help="CSV: path, identity, ...")
        parser.add_argument("--name", default="", help="what letters call this test")
        parser.add_argument(
            "--enrolled", type=int, help="size of the gallery; counted when not given"
        )
        parser.add_argument("--recall", type=float, default=0.985, help="share to be found")
        parser.add_argument(
            "--fpir", type=float, default=0.01,
            help="share of searches in which a stranger may reach the strong band",
        )  # fmt: skip
        parser.add_argument(
            "--records-per-person", type=float, default=1.0,
            help="records a person who asks has on average, for the odds",
        )  # fmt: skip
        parser.add_argument(
            "--dry-run", action="store_true", help="measure and print, file nothing"
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="only say whether the gallery has outgrown it; ends with 1 then",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self._check(as_json=options["json"])
            return
        if options["folder"] is None:
            raise not_asked("Name the folder with the pictures, or use --check.")
        self._bounds(options)
        try:
            made = calibration.measure(
                options["folder"],
                manifest=options["manifest"],
                set_name=options["name"] or options["folder"].resolve().name,
                enrolled=options["enrolled"],
                recall_target=options["recall"],
                fpir_target=options["fpir"],
                records_per_person=options["records_per_person"],
                say=self.stderr.write,
            )
            filed = "not filed"
            if not options["dry_run"]:
                at_once = calibration.file(made, actor=Actor.operator())
                filed = "serves at once" if at_once else "waits for two persons"
        except PortalError as error:
            raise refused(error) from error
        if options["json"]:
            self.stdout.write(json.dumps({"filed": filed, "calibration": made.as_json()}))
        else:
            self._print(made, filed)

    def _bounds(self, options: dict[str, Any]) -> None:
        shares = (("--recall", options["recall"]), ("--fpir", options["fpir"]))
        for name, value in shares:
            if not 0.0 < value < 1.0:
                raise not_asked(f"{name} must lie between 0 and 1.")
        if options["records_per_person"] <= 0:
            raise not_asked("--records-per-person must be over 0.")
        if options["enrolled"] is not None and options["enrolled"] < 1:
            raise not_asked("--enrolled must be 1 or more.")

    def _check(self, *, as_json: bool) -> None:
        serving = calibration.in_force()
        times = calibration.outgrown()
        if as_json:
            answer = {
                "calibrated": serving is not None,
                "version": serving.version if serving else None,
                "made_for": serving.enrolled if serving else None,
                "enrolled": calibration.faces_enrolled(),
                "outgrown": times is not None,
            }
            self.stdout.write(json.dumps(answer))
        elif serving is None:
            self.stdout.write("No calibration serves: the thresholds are the installation's own.")
        elif times is None:
            self.stdout.write(f"Calibration {serving.version} fits {serving.enrolled:,} faces.")
        else:
            self.stdout.write(
                f"The gallery is {times:.1f} times larger than the {serving.enrolled:,} faces of "
                f"calibration {serving.version}: calibrate again."
            )
        if times is not None:
            raise SystemExit(ANSWER_IS_NO)

    def _print(self, made: Any, filed: str) -> None:
        found = made.found
        lines = [
            f"{made.set_name}, {made.made_on}: {made.pictures} pictures of {made.people} people, "
            f"{made.people_with_pairs} with at least two; {made.genuine_pairs:,} pairs of one "
            f"person, {made.stranger_pairs:,} of strangers",
            f"review threshold  {_span(made.review)}  for {made.recall_target:.1%} found",
            f"found, held out   {found.value:.2%} [{found.low:.2%}, {found.high:.2%}]",
            f"strangers         {made.strangers:.2f} expected per search of "
            f"{made.enrolled:,} faces",
            f"strong band from  {_span(made.strong)}  for a stranger in {made.fpir_target:.1%} of "
            "searches" + (" (extrapolated)" if made.strong.extrapolated else ""),
        ]
        if made.loop:
            lines.append(f"widened search    {_span(made.loop)}")
        lines += [line for kind, check in made.checks.items() for line in _check_lines(kind, check)]
        lines += [REMARKS[remark] for remark in made.remarks]
        lines.append(f"This calibration {filed}.")
        for line in lines:
            self.stdout.write(line)


def _span(threshold: Any) -> str:
    return f"{threshold.value:.3f} [{threshold.low:.3f}, {threshold.high:.3f}]"


def _check_lines(kind: str, check: Any) -> list[str]:
    """How the odds held on people they were not made from."""
    verdict = "hold" if check.holds else "do not hold and are not used"
    lines = [
        f"odds, {kind.replace('_', ' ')}: Cllr {check.cllr:.4f}, at best {check.least:.4f}; "
        f"they {verdict}"
    ]
    lines += [
        f"  {STEPS[step.step]}: {step.candidates} candidates, {step.expected:.1f} strangers "
        f"expected, {step.observed} seen"
        for step in check.steps
        if step.candidates
    ]
    return lines
