"""What allauth may do here: sign in and out, set up a second factor. Nothing else (R19)."""

import base64
import os
import re
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from dsr_portal.accounts import access, services
from dsr_portal.accounts.models import Staff
from dsr_portal.core.errors import IntegrityFailure
from dsr_portal.vault.services import secret

_NONCE = 12
_VERSION = "v1."
_PURPOSE = b"second factor of staff"


class AccountAdapter(DefaultAccountAdapter):
    """Closed to sign-up; writes every sign-in, sign-out and refusal to the trail."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": _("Staff number and password do not belong together."),
        "too_many_login_attempts": _("Too many tries. Wait five minutes, then try again."),
        "account_inactive": _("This account is closed."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_reauthentication_required(self, *, app: str) -> bool:
        """Set-up follows the sign-in at once and cannot be repeated: a second ask adds nothing."""
        return False

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """No "you have signed in": the page says who is signed in."""

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        services.record_refused(staff_no=str(credentials.get("username", "")), reason="password")

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        services.record_refused(staff_no=user.get_username(), reason="closed")
        return super().respond_user_inactive(request, user)

    def post_login(
        self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any
    ) -> HttpResponse:
        with_code = any(
            entry.get("method") == "mfa" for entry in get_authentication_records(request, user)
        )
        if with_code:
            access.mark_second_factor(request)
        if isinstance(user, Staff):
            services.record_signed_in(
                staff=user, how="password_code" if with_code else "password_first"
            )
        return super().post_login(request, user, **kwargs)

    def logout(self, request: HttpRequest) -> None:
        if isinstance(request.user, Staff):
            services.record_signed_out(staff=request.user)
        super().logout(request)


class MfaAdapter(DefaultMFAAdapter):
    """Second-factor secrets are sealed with a key that lies in the ring, not in the database."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("This code is wrong or over. Use the one your app shows now."),
        "rate_limited": _("Too many tries. Wait five minutes, then try again."),
    }

    def encrypt(self, text: str) -> str:
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(secret("mfa")).encrypt(nonce, text.encode(), _PURPOSE)
        return _VERSION + base64.b64encode(nonce + sealed).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            if not encrypted_text.startswith(_VERSION):
                raise ValueError("not sealed by this version")
            sealed = base64.b64decode(encrypted_text[len(_VERSION) :], validate=True)
            opened = AESGCM(secret("mfa")).decrypt(sealed[:_NONCE], sealed[_NONCE:], _PURPOSE)
        except (InvalidTag, ValueError) as error:
            raise IntegrityFailure(
                "second_factor_sealed", _("The second factor of this account can't be opened.")
            ) from error
        return opened.decode()

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        return user.get_username()

    def get_totp_issuer(self) -> str:
        return f"{settings.DSR_CONTROLLER['name']} {settings.DSR_SITE}"

    def build_totp_svg(self, url: str) -> str:
        """The QR code as an element: the policy of our pages allows no data: pictures."""
        drawn = super().build_totp_svg(url)
        drawn = re.sub(r"<\?xml[^>]*\?>\s*", "", drawn)
        label = _("QR code for your authenticator app")
        start = f'<svg role="img" aria-label="{label}"'
        return re.sub(r'<svg width="[^"]*" height="[^"]*"', start, drawn, count=1)
