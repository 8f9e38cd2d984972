"""The WSGI entry point of one site; DSR_SITE says which."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dsr_portal.settings.production")

application = get_wsgi_application()
