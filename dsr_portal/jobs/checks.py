"""A mail relay without TLS, or one nobody can read, is found before the first mail."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from dsr_portal.jobs.mail import relay


@register()
def mail_relay_is_readable(**_: Any) -> list[CheckMessage]:
    try:
        relay()
    except ValueError as error:
        return [Error(str(error), hint="See docs/settings.md.", id="dsr.E005")]
    return []
