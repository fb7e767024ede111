from django.db import migrations, models
from django.db.models import F, Q

FUNCTIONS = """
CREATE FUNCTION users_count_profile_version(member uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO users_profileversion (user_id, number, sent) VALUES (member, 1, 0)
    ON CONFLICT (user_id) DO UPDATE SET number = users_profileversion.number + 1
$$;

CREATE FUNCTION users_follow_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_count_profile_version(user_id) FROM users_profile
    WHERE user_id = NEW.id AND published_at IS NOT NULL;
    RETURN NULL;
END
$$;

CREATE FUNCTION users_follow_profile() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_count_profile_version(OLD.user_id);
    RETURN NULL;
END
$$;

CREATE FUNCTION users_follow_photo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_count_profile_version(user_id) FROM users_profile
    WHERE user_id = CASE TG_OP WHEN 'DELETE' THEN OLD.user_id ELSE NEW.user_id END AND published_at IS NOT NULL;
    RETURN NULL;
END
$$;
"""

DROP_FUNCTIONS = """
DROP FUNCTION users_follow_photo, users_follow_profile, users_follow_user, users_count_profile_version;
"""

TRIGGERS = """
CREATE TRIGGER users_profile_version AFTER UPDATE ON users_user FOR EACH ROW
WHEN (
    (
        OLD.paused_at IS NULL, OLD.banned_at IS NULL, OLD.suspended_until IS NULL, OLD.photoless_at IS NULL,
        OLD.unreachable_at IS NULL
    )
    IS DISTINCT FROM
    (
        NEW.paused_at IS NULL, NEW.banned_at IS NULL, NEW.suspended_until IS NULL, NEW.photoless_at IS NULL,
        NEW.unreachable_at IS NULL
    )
)
EXECUTE FUNCTION users_follow_user();

CREATE TRIGGER users_profile_version AFTER UPDATE ON users_profile FOR EACH ROW
WHEN (
    (OLD.published_at IS NOT NULL OR NEW.published_at IS NOT NULL)
    AND
    (
        OLD.name, OLD.birth_date, OLD.gender, OLD.place, OLD.country, OLD.interests, OLD.bio,
        OLD.published_at IS NULL
    )
    IS DISTINCT FROM
    (
        NEW.name, NEW.birth_date, NEW.gender, NEW.place, NEW.country, NEW.interests, NEW.bio,
        NEW.published_at IS NULL
    )
)
EXECUTE FUNCTION users_follow_profile();

CREATE TRIGGER users_profile_version_end AFTER DELETE ON users_profile FOR EACH ROW
WHEN (OLD.published_at IS NOT NULL)
EXECUTE FUNCTION users_follow_profile();

CREATE TRIGGER users_profile_version AFTER UPDATE ON users_photo FOR EACH ROW
WHEN (
    (OLD.position, OLD.file, OLD.hidden_at IS NULL) IS DISTINCT FROM (NEW.position, NEW.file, NEW.hidden_at IS NULL)
)
EXECUTE FUNCTION users_follow_photo();

CREATE TRIGGER users_profile_version_rows AFTER INSERT OR DELETE ON users_photo FOR EACH ROW
EXECUTE FUNCTION users_follow_photo();
"""

DROP_TRIGGERS = """
DROP TRIGGER users_profile_version_rows ON users_photo;
DROP TRIGGER users_profile_version ON users_photo;
DROP TRIGGER users_profile_version_end ON users_profile;
DROP TRIGGER users_profile_version ON users_profile;
DROP TRIGGER users_profile_version ON users_user;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0008_bio_changed_at'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProfileVersion',
            fields=[
                ('user_id', models.UUIDField(primary_key=True, serialize=False)),
                ('number', models.BigIntegerField()),
                ('sent', models.BigIntegerField(default=0)),
            ],
            options={
                'indexes': [models.Index(condition=Q(('sent__lt', F('number'))), fields=['user_id'], name='profile_version_unsent')],
            },
        ),
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        migrations.RunSQL(TRIGGERS, DROP_TRIGGERS),
    ]
