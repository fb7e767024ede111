import subprocess
import sys

EVERYTHING = """
import sys, django
django.setup()
import meetsmatch.celery, meetsmatch.urls
from django.contrib import admin
admin.autodiscover()
meetsmatch.celery.app.loader.import_default_modules()
print([name for name in ("numba", "sklearn", "cv2", "onnxruntime") if name in sys.modules])
"""


def test_no_process_starts_with_the_heavy_libraries_that_only_some_tasks_need() -> None:
    done = subprocess.run([sys.executable, "-c", EVERYTHING], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
