"""Modelled templates: as many face-like unit vectors as a measurement needs, of nobody.

What is modelled, and after which measured figures (SFace, mean face taken off, 128 numbers):

- the spread of people: independent normal numbers whose variances fall in a straight line to a
  tenth, participation dimension about 104 (98.6 on 968 real people), so that templates of two
  people have a cosine of 0 with a deviation of about 0.1 (0.095);
- look-alikes: groups of 64 people share a quarter of their variance, for the tail of real
  strangers is two to four times heavier than a normal one;
- one person's pictures: a share of about 0.73 of a template is the person's, the rest the
  picture's (cosine .77 before the mean face is taken off, (.77 - .14) / .86 = .73 after it);
  the share varies, so that some pictures are poor;
- how many pictures a person has: a heavy tail, most have one or two, a few have hundreds.

``densities`` measures these on a sample, so that a test and the bench can say how near they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

DIMENSION = 128
FAMILY = 64
FAMILY_SHARE = 0.25
PERSON_SHARE = (0.73, 0.1)
MOST_PICTURES = 500
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Gallery:
    """``rows``: float32 (n, 128) in random order; ``people``: whose row it is, (n,)."""

    rows: Floats
    people: NDArray[np.int64]
    centres: Floats


@dataclass(frozen=True, slots=True)
class Densities:
    """Cosines of pairs of one person and of two people, and the share of strangers over .36."""

    genuine_mean: float
    genuine_deviation: float
    impostor_mean: float
    impostor_deviation: float
    fmr_at_36: float
    participation: float


def gallery(rows: int, seed: int) -> Gallery:
    """A gallery of ``rows`` templates; the same seed gives the same one."""
    rng = np.random.default_rng(seed)
    people = _owners(rng, rows)
    centres = _centres(rng, int(people.max()) + 1)
    made = np.empty((rows, DIMENSION), dtype=np.float32)
    for first in range(0, rows, _BLOCK):
        made[first : first + _BLOCK] = pictures(rng, centres[people[first : first + _BLOCK]])
    return Gallery(made, people, centres)


def pictures(rng: np.random.Generator, centres: Floats) -> Floats:
    """One new picture of each person: float32 (n, 128) of unit length."""
    n = len(centres)
    share = np.clip(rng.normal(*PERSON_SHARE, n), 0.3, 0.95).astype(np.float32)[:, None]
    rows = np.sqrt(share) * centres + np.sqrt(1.0 - share) * _unit(_spread(rng, n))
    return _unit(rows)


def densities(made: Gallery, seed: int, sample: int = 4000) -> Densities:
    """Measure what the model promises, on a sample of rows."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(made.rows), min(sample, len(made.rows)), replace=False)
    people = made.people[chosen]
    rows = made.rows[chosen].astype(np.float64)
    scores = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    other = (people[:, None] != people[None, :])[np.triu_indices(len(rows), 1)]
    impostor = scores[other]
    again = pictures(rng, made.centres[people]).astype(np.float64)
    genuine = np.sum(again * rows, axis=1)
    values = np.linalg.eigvalsh(np.cov(rows.T))
    return Densities(
        genuine_mean=float(genuine.mean()),
        genuine_deviation=float(genuine.std()),
        impostor_mean=float(impostor.mean()),
        impostor_deviation=float(impostor.std()),
        fmr_at_36=float((impostor >= 0.36).mean()),
        participation=float(values.sum() ** 2 / (values**2).sum()),
    )


def _owners(rng: np.random.Generator, rows: int) -> NDArray[np.int64]:
    """Whose each row is: sizes with a heavy tail, rows in random order."""
    sizes = np.minimum(np.floor(rng.pareto(1.6, rows) + 1.0), MOST_PICTURES).astype(np.int64)
    owners = np.repeat(np.arange(rows), sizes)[:rows]
    rng.shuffle(owners)
    return owners


def _centres(rng: np.random.Generator, people: int) -> Floats:
    """Unit directions of people; neighbours of one family are look-alikes."""
    families = _spread(rng, people // FAMILY + 1)
    own = _spread(rng, people)
    shared = families[np.arange(people) // FAMILY]
    return _unit(np.sqrt(FAMILY_SHARE) * shared + np.sqrt(1.0 - FAMILY_SHARE) * own)


def _spread(rng: np.random.Generator, n: int) -> Floats:
    deviations = np.sqrt(np.linspace(1.0, 0.1, DIMENSION, dtype=np.float32))
    return rng.standard_normal((n, DIMENSION), dtype=np.float32) * deviations


def _unit(rows: Floats) -> Floats:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    unit: Floats = (rows / lengths).astype(np.float32)
    return unit
