"""Pages of sign-in, from allauth with our templates, and the two of our own."""

from typing import Any

from allauth.account.views import AccountInactiveView, LoginView, LogoutView
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.totp.views import ActivateTOTPView
from django.conf import settings
from django.contrib.auth import login as django_login
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme, urlsafe_base64_decode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from dsr_portal.accounts import access, services, tickets
from dsr_portal.accounts.forms import SETTING_UP, NewPasswordForm
from dsr_portal.accounts.models import Staff
from dsr_portal.core.errors import NotAllowed

sign_in = LoginView.as_view()
sign_out = LogoutView.as_view()
closed = access.open_to_all(AccountInactiveView.as_view())
code = AuthenticateView.as_view()


class SetUpView(ActivateTOTPView):
    """The only page for somebody signed in without a second factor."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if services.has_second_factor(services.staff_of(request)):
            return redirect(settings.LOGIN_REDIRECT_URL)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        self.request.session.pop(SETTING_UP, None)
        services.record_enrolled(staff=services.staff_of(self.request))
        access.mark_second_factor(self.request)
        return response

    def get_success_url(self) -> str:
        return str(settings.LOGIN_REDIRECT_URL)


set_up = SetUpView.as_view()


@access.open_to_all
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """A new person of staff chooses a password through the link their approver hands over."""
    staff = _staff_of_link(uid, token)
    form = NewPasswordForm(request.POST or None, staff=staff)
    if request.method == "POST" and form.is_valid():
        services.set_password(staff=staff, password=form.cleaned_data["password"])
        return redirect("account_login")
    return render(request, "account/start.html", {"form": form, "staff": staff})


def _staff_of_link(uid: str, token: str) -> Staff:
    try:
        staff = Staff.objects.get(pk=urlsafe_base64_decode(uid).decode(), is_active=True)
    except (Staff.DoesNotExist, ValueError, ValidationError) as error:
        raise Http404 from error
    if not default_token_generator.check_token(staff, token):
        raise Http404
    return staff


@access.open_to_all
@require_GET
def ticket(request: HttpRequest) -> HttpResponse:
    """The demo's one-click sign-in; refused everywhere else."""
    try:
        staff = tickets.redeem(request.GET.get("ticket", ""), site=settings.DSR_SITE)
    except NotAllowed as error:
        if error.code == "ticket":
            services.record_refused(staff_no="", reason="ticket")
        raise
    request.session.flush()
    django_login(request, staff, backend=settings.AUTHENTICATION_BACKENDS[0])
    access.mark_second_factor(request)
    services.record_signed_in(staff=staff, how="demo_ticket")
    wanted = request.GET.get("next", "")
    inside = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return redirect(wanted if inside and wanted else settings.LOGIN_REDIRECT_URL)
