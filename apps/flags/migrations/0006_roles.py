"""Who may look at flags, who may change them, and who is the second person. Product managers may what editors may."""

from django.db import migrations, models

VIEWER = [
    ('flag', 'view'),
    ('flagrevision', 'view'),
    ('experiment', 'view'),
    ('plannedchange', 'view'),
    ('ramp', 'view'),
]
EDITOR = [
    *VIEWER,
    ('flag', 'change'),
    ('experiment', 'add'),
    ('experiment', 'change'),
    ('ramp', 'add'),
    ('ramp', 'change'),
]
APPROVER = [*EDITOR, ('plannedchange', 'approve')]
ROLES = {'Flag viewer': VIEWER, 'Flag editor': EDITOR, 'Flag approver': APPROVER, 'Product manager': EDITOR}
NAMES = {'approve': 'Can approve and refuse what others want of dangerous flags'}


def make_roles(apps, schema_editor):
    ContentType = apps.get_model('contenttypes', 'ContentType')
    Permission = apps.get_model('auth', 'Permission')
    Group = apps.get_model('auth', 'Group')
    for role, permissions in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        for model, verb in permissions:
            # Django makes content types and permissions after all migrations; it takes those that are there already.
            content_type, _ = ContentType.objects.get_or_create(app_label='flags', model=model)
            permission, _ = Permission.objects.get_or_create(
                content_type=content_type,
                codename=f'{verb}_{model}',
                defaults={'name': NAMES.get(verb, f'Can {verb} {model}')},
            )
            group.permissions.add(permission)


def remove_roles(apps, schema_editor):
    ours = [role for role in ROLES if role.startswith('Flag ')]
    apps.get_model('auth', 'Group').objects.filter(name__in=ours).delete()


class Migration(migrations.Migration):

    dependencies = [
        ('flags', '0005_experiments_plans_ramps'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='plannedchange',
            options={
                'permissions': [('approve_plannedchange', NAMES['approve'])],
                'verbose_name': 'planned change',
                'verbose_name_plural': 'planned changes',
            },
        ),
        migrations.AddField(
            model_name='ramp',
            name='value',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.RunPython(make_roles, remove_roles),
    ]
