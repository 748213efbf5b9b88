"""What all rows of the incident service have in common: their metadata and types."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, MetaData, Text, Uuid
from sqlalchemy.orm import DeclarativeBase

from shared.database import naming

Instant = DateTime(timezone=True)


class Row(DeclarativeBase):
    metadata = MetaData(naming_convention=naming)
    type_annotation_map = {datetime: Instant, str: Text, UUID: Uuid}  # noqa: RUF012 - SQLAlchemy's own form
