"""The books; PostgreSQL keeps them as they are; who may look at them and who may give Stars back."""

import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models

PROTECT = """
CREATE FUNCTION payments_purchase_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR (NEW.id, NEW.charge_id, NEW.stars, NEW.item, NEW.days, NEW.bought_at)
            IS DISTINCT FROM (OLD.id, OLD.charge_id, OLD.stars, OLD.item, OLD.days, OLD.bought_at)
        OR (NEW.buyer_id IS DISTINCT FROM OLD.buyer_id AND NEW.buyer_id IS NOT NULL)
        OR (OLD.refunded_at IS NOT NULL
            AND (NEW.refunded_at, NEW.refunded_by_id, NEW.refund_reason)
                IS DISTINCT FROM (OLD.refunded_at, OLD.refunded_by_id, OLD.refund_reason))
        OR (OLD.returned_at IS NOT NULL AND NEW.returned_at IS DISTINCT FROM OLD.returned_at)
    THEN
        RAISE EXCEPTION 'the books are never changed or deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payments_purchase_is_kept BEFORE UPDATE OR DELETE ON payments_purchase
    FOR EACH ROW EXECUTE FUNCTION payments_purchase_is_kept();
"""
UNPROTECT = """
DROP TRIGGER payments_purchase_is_kept ON payments_purchase;
DROP FUNCTION payments_purchase_is_kept();
"""
ROLES = {'Product manager': ('view',), 'Payments': ('view', 'refund')}
VERBS = {'view': 'Can view purchase', 'refund': 'Can give Stars back'}


def allow(apps, schema_editor):
    ContentType = apps.get_model('contenttypes', 'ContentType')
    Permission = apps.get_model('auth', 'Permission')
    Group = apps.get_model('auth', 'Group')
    # Django makes content types and permissions after all migrations; it takes those that are there already.
    content_type, _ = ContentType.objects.get_or_create(app_label='payments', model='purchase')
    for role, verbs in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        for verb in verbs:
            permission, _ = Permission.objects.get_or_create(
                content_type=content_type, codename=f'{verb}_purchase', defaults={'name': VERBS[verb]}
            )
            group.permissions.add(permission)


def disallow(apps, schema_editor):
    apps.get_model('auth', 'Group').objects.filter(name='Payments').delete()


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('users', '0010_plus_until'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Purchase',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('charge_id', models.CharField(help_text="Telegram's id of the payment.", max_length=255, unique=True)),
                ('stars', models.PositiveIntegerField()),
                ('item', models.CharField(help_text='What the invoice was for, as it says itself.', max_length=128)),
                ('days', models.PositiveSmallIntegerField(help_text='Of Plus. 0: nobody knows any more what the invoice was for.')),
                ('bought_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('refunded_at', models.DateTimeField(blank=True, help_text='From then on the days do not count.', null=True)),
                ('refund_reason', models.CharField(blank=True, max_length=500)),
                ('returned_at', models.DateTimeField(blank=True, help_text='When Telegram said that the Stars are back with the member.', null=True)),
                ('buyer', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='purchases', to=settings.AUTH_USER_MODEL)),
                ('refunded_by', models.ForeignKey(blank=True, help_text='Who of the staff; empty: it came about by itself.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'purchase',
                'verbose_name_plural': 'purchases',
                'permissions': [('refund_purchase', 'Can give Stars back')],
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['-bought_at'], name='purchase_newest')],
                'constraints': [models.CheckConstraint(condition=models.Q(('stars__gt', 0)), name='purchase_costs_something'), models.CheckConstraint(condition=models.Q(models.Q(('refund_reason', ''), ('refunded_at', None), ('refunded_by', None), ('returned_at', None)), models.Q(('refunded_at__isnull', False), models.Q(('refund_reason', ''), _negated=True)), _connector='OR'), name='purchase_refunded_for_a_reason')],
            },
        ),
        migrations.RunSQL(PROTECT, reverse_sql=UNPROTECT),
        migrations.RunPython(allow, disallow),
    ]
