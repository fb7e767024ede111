"""Indexes that another one begins with are dropped.

For one field Django would drop every index on it alone, also that of a constraint with a condition: there by hand.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0014_shadow_limit'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='accountlink',
            name='member',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='links', to=settings.AUTH_USER_MODEL),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    'DROP INDEX moderation_case_member_id_9c871206',
                    'CREATE INDEX moderation_case_member_id_9c871206 ON moderation_case (member_id)',
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='case',
                    name='member',
                    field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='cases', to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
        migrations.AlterField(
            model_name='decision',
            name='case',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='moderation.case'),
        ),
        migrations.AlterField(
            model_name='finding',
            name='rule',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='moderation.rule'),
        ),
        migrations.AlterField(
            model_name='policytext',
            name='policy',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='texts', to='moderation.policy'),
        ),
        migrations.AlterField(
            model_name='reasontext',
            name='template',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='texts', to='moderation.reasontemplate'),
        ),
        migrations.AlterField(
            model_name='ruleversion',
            name='rule',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='moderation.rule'),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    'DROP INDEX moderation_verification_member_id_82fae135',
                    'CREATE INDEX moderation_verification_member_id_82fae135 ON moderation_verification (member_id)',
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='verification',
                    name='member',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='verifications', to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
    ]
