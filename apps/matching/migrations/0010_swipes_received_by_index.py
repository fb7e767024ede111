import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# An index is enough where its pages are known to be visible to all, which vacuum says: after a fiftieth is new.
VACUUM = "ALTER TABLE matching_swipe SET (autovacuum_vacuum_insert_scale_factor = 0.02)"
NO_VACUUM = "ALTER TABLE matching_swipe RESET (autovacuum_vacuum_insert_scale_factor)"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("matching", "0009_learned_tastes"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="swipe",
            index=models.Index(fields=["target"], name="swipe_received", include=["swiper", "liked"]),
        ),
        # the foreign keys' own have others to stand in for them
        migrations.AlterField(
            model_name="swipe",
            name="swiper",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="swipes_made",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="swipe",
            name="target",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="swipes_received",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunSQL(VACUUM, NO_VACUUM),
    ]
