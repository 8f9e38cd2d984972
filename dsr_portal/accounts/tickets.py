"""One-click sign-in of the demo: a one-minute signed ticket, used once (design, section 2; R35)."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Staff, UsedTicket
from dsr_portal.core import links
from dsr_portal.core.clock import real_now
from dsr_portal.core.errors import NotAllowed

MAX_AGE_SECONDS = 60
_SALT = "dsr.accounts.ticket"


def _demo_only() -> None:
    if settings.DSR_DEMO is not True or settings.DSR_PRODUCTION:
        raise NotAllowed("ticket_not_demo", _("This works in the demo only."))


def issue(staff: Staff, site: str) -> str:
    """A ticket for one person on one site (desk or oversight)."""
    _demo_only()
    return signing.dumps([staff.staff_no, site, secrets.token_hex(16)], salt=_SALT)


def url(staff: Staff, site: str) -> str:
    """The address that signs `staff` in on `site`; make it when the button is pressed."""
    return f"{links.url_for(site, 'staff_ticket')}?ticket={issue(staff, site)}"


def redeem(ticket: str, *, site: str) -> Staff:
    """The person a ticket is for; `NotAllowed` when over, used, forged or for another site."""
    _demo_only()
    refused = NotAllowed("ticket", _("This link is over. Go back to the tour and press again."))
    try:
        staff_no, for_site, nonce = signing.loads(ticket, salt=_SALT, max_age=MAX_AGE_SECONDS)
    except (signing.BadSignature, ValueError) as error:
        raise refused from error
    if for_site != site:
        raise refused
    moment = real_now()
    UsedTicket.objects.filter(used_at__lt=moment - timedelta(seconds=2 * MAX_AGE_SECONDS)).delete()
    try:
        with transaction.atomic():
            UsedTicket.objects.create(nonce=nonce, used_at=moment)
    except IntegrityError as error:
        raise refused from error
    staff = Staff.objects.filter(staff_no=staff_no, is_active=True).first()
    if staff is None:
        raise refused
    return staff
