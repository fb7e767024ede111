import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meetsmatch.settings.dev")
application = get_wsgi_application()

from django.urls import get_resolver  # noqa: E402 all this needs the application

from apps.core.garbage import spare_what_started  # noqa: E402

# Views are imported now, and not while the first update waits.
assert get_resolver().url_patterns
spare_what_started()
