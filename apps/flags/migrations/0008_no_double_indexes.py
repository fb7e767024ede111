"""Indexes that another one begins with are dropped.

For one field Django would drop every index on it alone, also that of a constraint with a condition: there by hand.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('flags', '0007_purchases'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    'DROP INDEX flags_rampstep_ramp_id_52bfe965',
                    'CREATE INDEX flags_rampstep_ramp_id_52bfe965 ON flags_rampstep (ramp_id)',
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='rampstep',
                    name='ramp',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='steps_taken', to='flags.ramp'),
                ),
            ],
        ),
    ]
