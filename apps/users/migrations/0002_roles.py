"""The roles that staff are given, each with the least it needs. Staff accounts, roles and sign-ins stay with superusers."""

from django.db import migrations

ROLES = {
    'Moderator': [
        ('users', 'member', 'view'),
        ('users', 'profile', 'view'),
        ('users', 'preferences', 'view'),
        ('users', 'photo', 'view'),
        ('matching', 'match', 'view'),
        ('conversations', 'conversation', 'view'),
        ('moderation', 'report', 'view'),
        ('notifications', 'delivery', 'view'),
        ('notifications', 'delivery', 'change'),  # send again; the pages themselves are read-only
        ('bot', 'update', 'view'),
        ('bot', 'update', 'change'),  # try again; the pages themselves are read-only
    ],
    'Product manager': [
        ('flags', 'flag', 'view'),
        ('flags', 'flag', 'add'),
        ('flags', 'flag', 'change'),
        ('waffle', 'switch', 'view'),
        ('waffle', 'switch', 'add'),
        ('waffle', 'switch', 'change'),
    ],
}


def make_roles(apps, schema_editor):
    ContentType = apps.get_model('contenttypes', 'ContentType')
    Permission = apps.get_model('auth', 'Permission')
    Group = apps.get_model('auth', 'Group')
    for role, permissions in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        for app, model, verb in permissions:
            # Django makes content types and permissions after all migrations; it takes those that are there already.
            content_type, _ = ContentType.objects.get_or_create(app_label=app, model=model)
            permission, _ = Permission.objects.get_or_create(
                content_type=content_type, codename=f'{verb}_{model}', defaults={'name': f'Can {verb} {model}'}
            )
            group.permissions.add(permission)


def remove_roles(apps, schema_editor):
    apps.get_model('auth', 'Group').objects.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0001_initial'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [
        migrations.RunPython(make_roles, remove_roles),
    ]
