"""Development, on servers and in a folder of the tests' own."""

import os

os.environ.setdefault("MEETSMATCH_VAR", os.path.join(os.path.dirname(__file__), "..", "..", "var", "test"))
os.environ.setdefault("MEETSMATCH_TEST_SERVERS", "1")

from meetsmatch.settings.dev import *  # noqa: F403

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AXES_ENABLED = False
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
FLAGS_FOLLOWED = False
RULES_LOOK_AGAIN_SECS = 0.0
RESILIENCE_PULSE = False
EDGE_SHARED_SECRETS = ["the-first-secret-of-both-sides-0001", "the-second-secret-of-both-sides-002"]
