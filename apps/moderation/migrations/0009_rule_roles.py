"""Who writes rules, who sees them and what they found, and who sees how the checks are doing."""

from django.db import migrations

READS = [('rule', 'view'), ('finding', 'view'), ('check', 'view')]
ROLES = {
    'Moderator': [*READS, ('accountlink', 'view')],
    'Senior moderator': [*READS, ('accountlink', 'view')],
    'Policy editor': [*READS, ('rule', 'add'), ('rule', 'change')],
    'Analyst': READS,
}


def make_roles(apps, schema_editor):
    ContentType = apps.get_model('contenttypes', 'ContentType')
    Permission = apps.get_model('auth', 'Permission')
    Group = apps.get_model('auth', 'Group')
    for role, permissions in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        for model, verb in permissions:
            # Django makes content types and permissions after all migrations; it takes those that are there already.
            content_type, _ = ContentType.objects.get_or_create(app_label='moderation', model=model)
            permission, _ = Permission.objects.get_or_create(
                content_type=content_type, codename=f'{verb}_{model}', defaults={'name': f'Can {verb} {model}'}
            )
            group.permissions.add(permission)


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0008_rule_versions_append_only'),
    ]

    operations = [
        migrations.RunPython(make_roles, migrations.RunPython.noop),
    ]
