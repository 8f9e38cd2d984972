"""The WSGI entry point of one site; DSR_SITE says which."""

import os

from django.core.wsgi import get_wsgi_application

from dsr_portal.core import starting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dsr_portal.settings.production")

starting.begin()
application = get_wsgi_application()
starting.loaded()
