from django.db import migrations

BATCH = 2000
FIRST = "00000000-0000-0000-0000-000000000000"


def fill(apps, schema_editor):
    """Members who were there before the triggers. Each batch commits; begun again after a stop it does no harm."""
    last = FIRST
    with schema_editor.connection.cursor() as cursor:
        while last:
            cursor.execute(
                """
                WITH batch AS MATERIALIZED (
                    SELECT user_id FROM users_profile
                    WHERE user_id > %s AND published_at IS NOT NULL ORDER BY user_id LIMIT %s
                ), refreshed AS MATERIALIZED (
                    SELECT user_id, matching_refresh_candidate(user_id) FROM batch
                )
                SELECT user_id FROM refreshed ORDER BY user_id DESC LIMIT 1
                """,
                [last, BATCH],
            )
            row = cursor.fetchone()
            last = row and row[0]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("matching", "0003_candidates"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
