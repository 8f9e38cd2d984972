"""Complaint, court and compensation, fitted to the person's country (law 5.3, O-09).

Texts come in the language that is active when a function is called. Nothing marked unsure in the
law catalogue is printed: no UK complaint to the controller first, no untested address.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from dsr_portal.law import authorities
from dsr_portal.law.authorities import Authority


@dataclass(frozen=True, slots=True)
class Remedies:
    """The paragraphs of the complaint block, in the order they are printed.

    `authority_lines` are name, address and website, a line each; `note` is "" where the country
    has none.
    """

    authority: Authority
    complaint: str
    authority_intro: str
    authority_lines: tuple[str, ...]
    court: str
    compensation: str
    note: str

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """Everything as plain text, for mails."""
        lines = (self.authority_intro, *self.authority_lines)
        texts = (self.complaint, "\n".join(lines), self.court, self.compensation, self.note)
        return tuple(text for text in texts if text)


def for_country(
    code: str | None,
    *,
    establishment_in_eu: bool,
    overrides: Mapping[str, Mapping[str, str]] | None = None,
) -> Remedies:
    """The remedies for a person in `code` (None: the country is not known; law T-14)."""
    authority = authorities.get(code, overrides=overrides)
    return Remedies(
        authority=authority,
        complaint=_complaint(),
        authority_intro=_authority_intro(authority),
        authority_lines=_authority_lines(authority),
        court=_court(establishment_in_eu=establishment_in_eu, authority=authority),
        compensation=_("If our mistake harmed you, you can ask for compensation."),
        note=_note(authority.code),
    )


def _complaint() -> str:
    return _(
        "You can complain to a data protection authority. It costs nothing. You can choose the"
        " authority where you live, where you work, or where you think the rule was broken. You do"
        " not have to complain to us first."
    )


def _authority_intro(authority: Authority) -> str:
    if authority.is_generic:
        return _("This list names every authority:")
    return _("For you that could be:")


def _authority_lines(authority: Authority) -> tuple[str, ...]:
    if authority.is_generic:
        return (authority.website,)
    name = authority.name
    if authority.short and authority.short not in name:
        name = f"{name} ({authority.short})"
    lines = (name, authority.printed_address, authority.website, authority.printed_email)
    return tuple(line for line in lines if line)


def _court(*, establishment_in_eu: bool, authority: Authority) -> str:
    if authority.code in {"UK", "CH"}:
        return _("You can also go to court against us, with or without a complaint.")
    if establishment_in_eu:
        return _(
            "You can also go to court against us, with or without a complaint. You can do this in"
            " the country where you usually live, or where we have an office in the EU."
        )
    return _(
        "You can also go to court against us, with or without a complaint. You can do this in the"
        " country where you usually live."
    )


def _note(code: str) -> str:
    """National law that a person should know before choosing (law 5.3, national notes)."""
    state = code.partition("-")[0]
    notes = {
        "AT": _(
            "In Austria a complaint must come within one year after you learned of the matter, and"
            " within three years after it happened (s. 24 DSG)."
        ),
        "BE": _(
            "In Belgium the president of the court of first instance hears such cases in a short"
            " procedure (Act of 30 July 2018)."
        ),
        "DE": _(
            "In Germany the authority of the Land is the one for private companies. You can sue"
            " where you usually live (s. 44 BDSG)."
        ),
        "FR": _("In France the court is the tribunal judiciaire."),
        "IE": _(
            "In Ireland you can go to the Circuit Court or the High Court (s. 117, Data Protection"
            " Act 2018)."
        ),
        "IT": _(
            "In Italy you choose one of the two: the complaint or the court (Art. 140-bis Codice"
            " privacy)."
        ),
        "NL": _(
            "In the Netherlands you can send a petition to the district court, as a rule within six"
            " weeks after our answer (Art. 35 UAVG)."
        ),
    }
    return notes.get(state, "")
