"""`manage.py import_gallery`: pictures of one source into the gallery; run it again to go on."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, OutputWrapper

from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.exits import refused
from dsr_portal.gallery import selectors, services
from dsr_portal.gallery.importing import ImportReport, Problem
from dsr_portal.gallery.sources import NO_BASIS


class Command(BaseCommand):
    help = (
        "Import a folder of pictures, or those a manifest names, enrolling every face. "
        "An interrupted import goes on when the same command is given again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="folder with the pictures")
        parser.add_argument(
            "--manifest",
            type=Path,
            help="CSV or JSONL: path, page_url, image_url, collected_at, collector, caption; "
            "other columns are kept as they are",
        )
        parser.add_argument("--source", required=True, help="name of the source")
        parser.add_argument(
            "--legal-basis", default="", help='one line, printed in every answer; "none" if so'
        )
        parser.add_argument(
            "--purpose",
            action="append",
            default=[],
            dest="purposes",
            help="what this source is used for, printed in every answer; may be repeated",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        progress = Progress(self.stderr)
        try:
            report = services.import_folder(
                path=options["path"],
                manifest=options["manifest"],
                source=options["source"],
                legal_basis=options["legal_basis"],
                purposes=options["purposes"],
                actor=Actor.operator(),
                progress=progress,
            )
        except PortalError as error:
            progress.end()
            raise refused(error) from error
        progress.end()
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(report), ensure_ascii=False))
        else:
            self._print(report)

    def _print(self, report: ImportReport) -> None:
        basis = "none documented" if report.legal_basis == NO_BASIS else report.legal_basis
        counts = report.counts
        lines = [
            f"Source {report.source}, legal basis: {basis}",
            f"{report.seen} pictures: {counts.imported} imported, {counts.duplicates} known "
            f"before or not taken, {counts.refused} rejected",
            f"{counts.faces} faces enrolled; {counts.unreadable} pictures unreadable, "
            f"{counts.faceless} without a face",
            f"{report.skipped} other files were passed over" if report.skipped else "",
            f"{report.done_now} pictures in {report.seconds:.1f} s ({report.rate:.1f} per second)",
        ]
        for line in filter(None, lines):
            self.stdout.write(line)
        self._list("Not searchable, unreadable:", report.unreadable)
        self._list("Not searchable, no face found:", report.faceless)
        if report.crowds:
            self.stdout.write("Too many faces in one picture, the smallest are not enrolled:")
            for crowd in report.crowds:
                self.stdout.write(f"  {crowd.path}  ({crowd.left_out} left out)")
        whole = selectors.coverage()
        self.stdout.write(
            f"The gallery now holds {whole.pictures} pictures; {whole.searchable} can be searched, "
            f"{whole.not_searchable} can not."
        )

    def _list(self, title: str, problems: tuple[Problem, ...]) -> None:
        if problems:
            self.stdout.write(title)
            for problem in problems:
                self.stdout.write(f"  {problem.path}  ({problem.code})")


def _as_json(report: ImportReport) -> dict[str, Any]:
    counts = report.counts
    whole = selectors.coverage()
    return {
        "run": str(report.run_id),
        "source": report.source,
        "legal_basis": report.legal_basis,
        "resumed": report.resumed,
        "seen": report.seen,
        "imported": counts.imported,
        "duplicates": counts.duplicates,
        "rejected": counts.refused,
        "faces": counts.faces,
        "unreadable": [{"path": one.path, "code": one.code} for one in report.unreadable],
        "faceless": [one.path for one in report.faceless],
        "crowds": [{"path": one.path, "left_out": one.left_out} for one in report.crowds],
        "passed_over": report.skipped,
        "seconds": round(report.seconds, 2),
        "done_now": report.done_now,
        "rate": round(report.rate, 2),
        "coverage": {
            "pictures": whole.pictures,
            "searchable": whole.searchable,
            "faces": whole.faces,
            "unreadable": whole.unreadable,
            "faceless": whole.faceless,
            "pending": whole.pending,
            "crowds": whole.crowds,
            "left_out": whole.left_out,
        },
    }


class Progress:
    """One line on the terminal, or one every ten seconds in a log."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._began = self._shown = time.monotonic()
        self._first: int | None = None

    def __call__(self, done: int, total: int, faces: int) -> None:
        now = time.monotonic()
        if self._first is None:
            # The clock of the rate starts with the first picture, after the engine is loaded.
            self._first, self._began = done, now
        if now - self._shown < (0.5 if self._terminal else 10.0):
            return
        self._shown = now
        rate = (done - self._first) / max(now - self._began, 1e-6)
        left = f"{(total - done) / rate:.0f} s left" if rate > 0 else "..."
        line = f"{done} of {total} pictures, {faces} faces, {rate:.1f} per second, {left}"
        if self._terminal:
            self._out.write(f"\r{line:<78}", ending="")
        else:
            self._out.write(line)

    def end(self) -> None:
        if self._terminal and self._first is not None:
            self._out.write("\r" + " " * 78 + "\r", ending="")
