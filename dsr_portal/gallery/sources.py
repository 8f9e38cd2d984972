"""Where pictures come from, and whether they may be collected (R23)."""

from collections.abc import Sequence

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.gallery.models import CollectionStop, Source

NO_BASIS = "none"


MOST_PURPOSES, LONGEST_PURPOSE = 12, 300


def declare_source(
    *, name: str, legal_basis: str, actor: Actor, purposes: Sequence[str] = ()
) -> Source:
    """The source of this name with its legal basis line; "none" is allowed and printed (R23).

    `purposes` are of this source alone, from the record of processing; what is declared last
    counts, and none declared leaves what stands (law A-05).

    Raises `BadInput` without a line and `Conflict` when the source was declared with another.
    """
    name, basis = name.strip(), legal_basis.strip()
    if not name:
        raise BadInput("source_without_name", _("Name the source of these pictures."))
    if not basis:
        raise BadInput(
            "source_without_basis",
            _(
                "Say on which legal basis this source is used, or write none: "
                'answers will then print "none documented".'
            ),
        )
    basis = NO_BASIS if basis.lower() == NO_BASIS else basis
    kept = _checked_purposes(purposes)
    with unit_of_work():
        source, new = Source.objects.get_or_create(
            name=name, defaults={"legal_basis": basis, "created_at": clock.now()}
        )
        if new:
            audit_event(
                "gallery.source_declared",
                actor=actor,
                subject_id=source.id,
                basis="none" if basis == NO_BASIS else "stated",
            )
        if kept and source.legal_basis == basis and source.purposes != kept:
            source.purposes = kept
            source.save(update_fields=["purposes"])
            audit_event(
                "gallery.purposes_declared",
                actor=actor,
                subject_id=source.id,
                purposes=len(kept),
            )
    if source.legal_basis != basis:
        raise Conflict(
            "source_basis_differs",
            _('The source %(name)s was declared with the legal basis "%(basis)s".')
            % {"name": name, "basis": source.legal_basis},
        )
    return source


def _checked_purposes(purposes: Sequence[str]) -> list[str]:
    kept = [one.strip() for one in purposes if one.strip()]
    if len(kept) > MOST_PURPOSES or any(len(one) > LONGEST_PURPOSE for one in kept):
        raise BadInput(
            "source_purposes_long",
            _("Up to %(most)s purposes of up to %(long)s characters each.")
            % {"most": MOST_PURPOSES, "long": LONGEST_PURPOSE},
        )
    return kept


def purposes_of(source: Source) -> list[str]:
    """What this source is used for: as declared for it, else as the controller states for all."""
    return [str(one) for one in source.purposes] or list(settings.DSR_PURPOSES)


def basis_line(source: Source) -> str:
    """What a document prints: the declared line, or that none is documented."""
    return _("none documented") if source.legal_basis == NO_BASIS else source.legal_basis


def collection_stopped(source: Source | None) -> bool:
    """Whether a stop covers the whole of this source now, by itself or as one of all."""
    covering = Q(source=None) if source is None else Q(source=None) | Q(source=source)
    whole = CollectionStop.objects.filter(country="", language="", with_place=False)
    return whole.filter(covering, lifted_at=None).exists()


def refuse_while_stopped(source: Source) -> None:
    if collection_stopped(source):
        raise Conflict(
            "collection_stopped",
            _("Collection from %(name)s is stopped. Nothing was imported.") % {"name": source.name},
        )
