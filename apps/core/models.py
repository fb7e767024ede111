"""Field and base classes that every app's models stand on."""

import json
import uuid
from typing import TYPE_CHECKING, Any

from django.db import models

from apps.core import encryption

if TYPE_CHECKING:
    TextField = models.TextField[str, str]
    AnyField = models.Field[Any, Any]
else:
    TextField, AnyField = models.TextField, models.Field


class UUIDModel(models.Model):
    """Random keys: they may appear in callback data and URLs without telling how many there are."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta:
        abstract = True


class EncryptedTextField(TextField):
    """Text that the database, its backups and logs see only encrypted. Not searchable; the empty string stays empty."""

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return encryption.encrypt(value) if value else value

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        return encryption.decrypt(value) if value else value


class EncryptedJSONField(AnyField):
    """JSON that the database sees only encrypted. What is empty is stored as nothing, and read as an empty object."""

    def get_internal_type(self) -> str:
        return "TextField"

    def get_prep_value(self, value: Any) -> str:
        return encryption.encrypt(json.dumps(value)) if value else ""

    def from_db_value(self, value: str, *_: object) -> Any:
        return json.loads(encryption.decrypt(value)) if value else {}
