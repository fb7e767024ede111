"""Who leads the moderators sees how moderation does; so does who only looks."""

from django.db import migrations, models

SEES = ('Senior moderator', 'Analyst')
NAME = 'Can see how moderation does'


def grant(apps, schema_editor):
    # Django makes content types and permissions after all migrations; it takes those that are there already.
    content_type, _ = apps.get_model('contenttypes', 'ContentType').objects.get_or_create(
        app_label='moderation', model='case'
    )
    permission, _ = apps.get_model('auth', 'Permission').objects.get_or_create(
        content_type=content_type, codename='see_dashboard', defaults={'name': NAME}
    )
    for group in apps.get_model('auth', 'Group').objects.filter(name__in=SEES):
        group.permissions.add(permission)


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0010_first_rules'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='case',
            options={
                'permissions': [
                    ('decide_case', 'Can decide cases'),
                    ('read_evidence', 'Can read reported conversations, each time with a line in the audit log'),
                    ('see_dashboard', NAME),
                ],
                'verbose_name': 'case',
                'verbose_name_plural': 'cases',
            },
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(condition=models.Q(('closed_at__isnull', False)), fields=['closed_at'], name='case_closed'),
        ),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
