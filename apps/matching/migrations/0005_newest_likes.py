from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("matching", "0004_fill_candidates"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="swipe",
            index=models.Index(
                condition=models.Q(("liked", True)), fields=["target", "created_at"], name="swipe_newest_likes"
            ),
        ),
        RemoveIndexConcurrently(model_name="swipe", name="swipe_likes_received"),
    ]
