"""Product managers write broadcasts and send them."""

from django.db import migrations

VERBS = {
    'view': 'Can view broadcast',
    'add': 'Can add broadcast',
    'change': 'Can change broadcast',
    'send': 'Can start, pause and stop broadcasts',
}


def allow(apps, schema_editor):
    ContentType = apps.get_model('contenttypes', 'ContentType')
    Permission = apps.get_model('auth', 'Permission')
    group, _ = apps.get_model('auth', 'Group').objects.get_or_create(name='Product manager')
    # Django makes content types and permissions after all migrations; it takes those that are there already.
    content_type, _ = ContentType.objects.get_or_create(app_label='notifications', model='broadcast')
    for verb, name in VERBS.items():
        permission, _ = Permission.objects.get_or_create(
            content_type=content_type, codename=f'{verb}_broadcast', defaults={'name': name}
        )
        group.permissions.add(permission)


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0004_deliveries_of_a_broadcast'),
        ('users', '0002_roles'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [
        migrations.RunPython(allow, migrations.RunPython.noop),
    ]
