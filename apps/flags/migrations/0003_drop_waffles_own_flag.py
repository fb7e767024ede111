from django.db import migrations


class Migration(migrations.Migration):
    """waffle makes its own flag tables although ours replaces its model; one of them refers to users for nothing."""

    dependencies = [
        ("flags", "0002_initial"),
        ("waffle", "0004_update_everyone_nullbooleanfield"),
    ]

    operations = [
        migrations.RunSQL(
            "DROP TABLE IF EXISTS waffle_flag_users, waffle_flag_groups, waffle_flag", reverse_sql=migrations.RunSQL.noop
        ),
    ]
