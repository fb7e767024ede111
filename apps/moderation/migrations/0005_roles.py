"""Who works on cases, who is their second person, who writes the rules, and who only looks."""

from django.db import migrations

LOOKS = [
    ('case', 'view'),
    ('decision', 'view'),
    ('appeal', 'view'),
    ('strike', 'view'),
    ('policy', 'view'),
    ('reasontemplate', 'view'),
]
DECIDES = [*LOOKS, ('report', 'view'), ('evidence', 'view'), ('case', 'decide'), ('case', 'read_evidence')]
SECOND = [*DECIDES, ('decision', 'undo'), ('decision', 'approve'), ('appeal', 'decide')]
WRITES = [
    ('policy', 'view'),
    ('policy', 'add'),
    ('policy', 'change'),
    ('policytext', 'view'),
    ('policytext', 'add'),
    ('policytext', 'change'),
    ('policytext', 'delete'),
    ('reasontemplate', 'view'),
    ('reasontemplate', 'add'),
    ('reasontemplate', 'change'),
    ('reasontext', 'view'),
    ('reasontext', 'add'),
    ('reasontext', 'change'),
    ('reasontext', 'delete'),
]
ROLES = {'Moderator': DECIDES, 'Senior moderator': SECOND, 'Policy editor': WRITES, 'Analyst': LOOKS}
NAMES = {
    'decide_case': 'Can decide cases',
    'read_evidence': 'Can read reported conversations, each time with a line in the audit log',
    'undo_decision': 'Can undo decisions of others',
    'approve_decision': 'Can approve and refuse held decisions',
    'decide_appeal': 'Can decide appeals against decisions of others',
}


def make_roles(apps, schema_editor):
    ContentType = apps.get_model('contenttypes', 'ContentType')
    Permission = apps.get_model('auth', 'Permission')
    Group = apps.get_model('auth', 'Group')
    for role, permissions in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        for model, verb in permissions:
            codename = verb if verb in NAMES else f'{verb}_{model}'
            # Django makes content types and permissions after all migrations; it takes those that are there already.
            content_type, _ = ContentType.objects.get_or_create(app_label='moderation', model=model)
            permission, _ = Permission.objects.get_or_create(
                content_type=content_type,
                codename=codename,
                defaults={'name': NAMES.get(codename, f'Can {verb} {model}')},
            )
            group.permissions.add(permission)
    # a senior moderator sees of members what a moderator sees
    senior = Group.objects.get(name='Senior moderator')
    senior.permissions.add(*Group.objects.get(name='Moderator').permissions.all())


def remove_roles(apps, schema_editor):
    ours = [role for role in ROLES if role != 'Moderator']
    apps.get_model('auth', 'Group').objects.filter(name__in=ours).delete()


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0004_append_only'),
        ('users', '0002_roles'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [
        migrations.RunPython(make_roles, remove_roles),
    ]
