"""A Django project around settings.py and views.py of docs/integrations.md."""

import os

import django
import settings as page
from django.conf import settings
from django.core.management import call_command
from django.urls import path

settings.configure(
    INSTALLED_APPS=page.INSTALLED_APPS,
    OAUTH2_PROVIDER=page.OAUTH2_PROVIDER,
    SECRET_KEY="for the tests only",
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "orders.db"}},
)
django.setup()

import views  # noqa: E402, as it needs the settings

urlpatterns = [path(f"{version}/orders", views.orders) for version in ("v1", "v2", "v22")]
call_command("migrate", verbosity=0)
call_command("runserver", f"localhost:{os.environ['PORT']}", use_reloader=False)
