"""Forms of sign-in. Each says what to type, in our words; codes may be pasted."""

from typing import Any

from allauth.account.forms import LoginForm
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django import forms
from django.utils.translation import gettext_lazy as _

from dsr_portal.accounts import services
from dsr_portal.core.errors import BadInput
from dsr_portal.core.forms import CodeInput, PlainForm

SETTING_UP = "second_factor_setting_up"


class SignInForm(LoginForm):
    """Staff number and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login, password = self.fields["login"], self.fields["password"]
        login.label, password.label = _("Staff number"), _("Password")
        login.widget = forms.TextInput(
            {"autocomplete": "username", "autocapitalize": "characters", "spellcheck": "false"}
        )
        password.widget = forms.PasswordInput({"autocomplete": "current-password"})
        password.help_text = ""
        login.error_messages["required"] = _("Fill in your staff number.")
        password.error_messages["required"] = _("Fill in your password.")

    def clean_login(self) -> str:
        return str(self.cleaned_data["login"]).strip().upper()


def _six_digits() -> forms.CharField:
    return forms.CharField(
        label=_("Code"),
        help_text=_("Six digits from your authenticator app."),
        max_length=12,
        widget=CodeInput(digits=True),
        error_messages={"required": _("Fill in the code your app shows.")},
    )


class CodeForm(AuthenticateForm):
    """The second factor at sign-in."""

    code = _six_digits()

    def _emit_authentication_failed(self, authenticator: Authenticator) -> None:
        services.record_refused(staff_no=self.user.staff_no, reason="code")
        super()._emit_authentication_failed(authenticator)


class ActivateCodeForm(ActivateTOTPForm):
    """Set-up of the second factor.

    allauth keeps the new secret as plain text in the session, which is a row of the database; here
    it is sealed like the lasting one.
    """

    code = _six_digits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.user = kwargs.pop("user")
        forms.Form.__init__(self, *args, **kwargs)
        session = context.request.session
        adapter = get_adapter()
        if not self.is_bound or SETTING_UP not in session:
            session[SETTING_UP] = adapter.encrypt(generate_totp_secret())
        self.secret = adapter.decrypt(session[SETTING_UP])


class NewPasswordForm(PlainForm):
    """The first password, chosen by the person it belongs to."""

    password = forms.CharField(
        label=_("New password"),
        help_text=_("At least 12 characters. A few words you can remember are fine."),
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, staff: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.staff = staff

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        try:
            services.check_password(password, self.staff)
        except BadInput as error:
            raise forms.ValidationError(error.message) from error
        return password
