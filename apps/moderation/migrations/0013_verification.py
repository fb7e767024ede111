"""Selfies that wait to be compared with photos, and who compares them."""

import apps.core.models
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


NAMES = {
    'view_verification': 'Can view verification',
    'decide_verification': 'Can compare selfies with photos and give the badge',
}


def grant(apps, schema_editor):
    content_type, _ = apps.get_model('contenttypes', 'ContentType').objects.get_or_create(
        app_label='moderation', model='verification'
    )
    for codename, name in NAMES.items():
        permission, _ = apps.get_model('auth', 'Permission').objects.get_or_create(
            content_type=content_type, codename=codename, defaults={'name': name}
        )
        for group in apps.get_model('auth', 'Group').objects.filter(name__in=['Moderator', 'Senior moderator']):
            group.permissions.add(permission)


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0012_statements'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Verification',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('gesture', models.CharField(choices=[('thumb_chin', 'thumb up, touching the chin'), ('three_fingers', 'three fingers up beside the face'), ('hand_head', 'flat hand on top of the head'), ('fist_cheek', 'fist against the cheek'), ('palm_forward', 'open palm towards the camera, beside the face'), ('finger_nose', 'one finger touching the nose'), ('hand_ear', 'hand cupped behind the ear'), ('victory', 'two fingers up as a V, beside the eye')], max_length=16)),
                ('file_id', apps.core.models.EncryptedTextField(blank=True)),
                ('file_unique_id', models.CharField(help_text='So that no selfie is used twice.', max_length=64)),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('approved', 'Verified'), ('rejected', 'Not verified'), ('expired', 'Nobody looked in time')], default='waiting', max_length=12)),
                ('reason', models.CharField(blank=True, choices=[('gesture', 'Another gesture, or none'), ('person', 'Not the person on the photos'), ('unclear', 'The face cannot be seen well'), ('not_live', 'A photo of a photo, or edited')], max_length=12)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='verifications', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'verification',
                'verbose_name_plural': 'verifications',
                'permissions': [('decide_verification', 'Can compare selfies with photos and give the badge')],
                'indexes': [models.Index(condition=models.Q(('status', 'waiting')), fields=['created_at'], name='verification_waiting'), models.Index(fields=['member', '-created_at'], name='verification_of_member'), models.Index(condition=models.Q(('file_id', ''), _negated=True), fields=['decided_at'], name='verification_decided')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'waiting')), fields=('member',), name='verification_one_at_a_time'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'rejected'), models.Q(('reason', ''), _negated=True)), models.Q(models.Q(('status', 'rejected'), _negated=True), ('reason', '')), _connector='OR'), name='verification_rejected_for_a_reason')],
            },
        ),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
