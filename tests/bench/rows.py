"""One measured figure, and the table of all of them."""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.sizes import is_full


@dataclass(frozen=True, slots=True)
class Figure:
    """`better` is "higher" or "lower"; `target` None means only told, never judged.

    `value` None: not measured, and `unit` says why.
    """

    area: str
    name: str
    value: float | None
    unit: str
    better: str
    target: float | None
    command: str
    load: float

    @property
    def met(self) -> bool | None:
        if self.target is None or self.value is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target


class Book:
    """Collects figures of one run; every figure carries the load the machine had then."""

    def __init__(self, area: str) -> None:
        self.area = area
        self.figures: list[Figure] = []

    def note(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        better: str = "lower",
        target: float | None = None,
    ) -> None:
        self._keep(name, round(value, 4), unit, better, target)

    def absent(self, name: str, why: str) -> None:
        """A row for what could not be measured here, so that nobody takes it for forgotten."""
        self._keep(name, None, why, "lower", None)

    def take(self, row: dict[str, Any]) -> None:
        """A figure that another process of this run measured."""
        self.figures.append(Figure(**row))

    def _keep(
        self, name: str, value: float | None, unit: str, better: str, target: float | None
    ) -> None:
        load = round(os.getloadavg()[0], 2)
        command = f"make bench ONLY={self.area}" + (" FULL=1" if is_full() else "")
        figure = Figure(self.area, name, value, unit, better, target, command, load)
        self.figures.append(figure)
        # At once, for a long run may not come to its table.
        sys.stderr.write(f"{_line(figure)}\n")


def write(figures: list[Figure], place: Path) -> None:
    """Replace the measured areas' rows in `place`, keep those of other areas."""
    kept = []
    if place.exists():
        measured = {figure.area for figure in figures}
        kept = [row for row in json.loads(place.read_text()) if row["area"] not in measured]
    rows = kept + [asdict(figure) | {"met": figure.met} for figure in figures]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(rows, indent=1) + "\n")


def table(figures: list[Figure]) -> str:
    names = f"{'area':<12} {'figure':<64} {'value':>12} {'unit':<10} {'target':>8} met {'load':>5}"
    return "\n".join([names, *map(_line, figures)])


def _line(figure: Figure) -> str:
    target = "" if figure.target is None else f"{figure.target:g}"
    value = "-" if figure.value is None else f"{figure.value:g}"
    met = {None: "", True: "yes", False: "NO"}[figure.met]
    return (
        f"{figure.area:<12} {figure.name:<64} {value:>12} {figure.unit:<10} "
        f"{target:>8} {met:<3} {figure.load:>5g}"
    )
