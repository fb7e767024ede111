"""Limits that members are not told of: who may set them, and against what."""

from django.conf import settings
from django.db import migrations, models


NAME = 'Can limit members without telling them'


def allow(apps, schema_editor):
    # advertising and scams, which is what Article 17 (2) of the DSA speaks of
    apps.get_model('moderation', 'Policy').objects.filter(key='no-business').update(allows_shadow_limit=True)


def grant(apps, schema_editor):
    content_type, _ = apps.get_model('contenttypes', 'ContentType').objects.get_or_create(
        app_label='moderation', model='decision'
    )
    permission, _ = apps.get_model('auth', 'Permission').objects.get_or_create(
        content_type=content_type, codename='shadow_limit', defaults={'name': NAME}
    )
    for group in apps.get_model('auth', 'Group').objects.filter(name='Senior moderator'):
        group.permissions.add(permission)


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0013_verification'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='decision',
            options={'permissions': [('undo_decision', 'Can undo decisions of others'), ('approve_decision', 'Can approve and refuse held decisions'), ('export_statements', 'Can export statements of reasons'), ('shadow_limit', 'Can limit members without telling them')], 'verbose_name': 'decision', 'verbose_name_plural': 'decisions'},
        ),
        migrations.RemoveConstraint(
            model_name='decision',
            name='decision_about_another',
        ),
        migrations.AddField(
            model_name='policy',
            name='allows_shadow_limit',
            field=models.BooleanField(default=False, help_text='Only for deceptive advertising in bulk: else the law wants members told (DSA, Article 17 (2)).'),
        ),
        migrations.AlterField(
            model_name='decision',
            name='action',
            field=models.CharField(choices=[('dismiss', 'Dismiss'), ('warn', 'Warn'), ('hide_photo', 'Hide a photo'), ('edit_bio', 'Take the words out'), ('limit', 'Limit'), ('suspend', 'Suspend'), ('ban', 'Ban'), ('shadow_limit', 'Shadow limit'), ('release', 'Approved by a second moderator'), ('refuse', 'Refused by a second moderator'), ('undo', 'Undone')], max_length=12),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('about', None), ('action__in', ['dismiss', 'warn', 'hide_photo', 'edit_bio', 'limit'])), models.Q(('about', None), ('action__in', ['suspend', 'ban', 'shadow_limit'])), models.Q(('about__isnull', False), ('action__in', ['release', 'refuse', 'undo']), models.Q(('about', models.F('id')), _negated=True)), _connector='OR'), name='decision_about_another'),
        ),
        migrations.RunPython(allow, migrations.RunPython.noop),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
