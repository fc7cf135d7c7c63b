"""The job store: what the service knows, and never loses. SQLAlchemy Core on SQLite or PostgreSQL."""

from __future__ import annotations

from nfold_service.store.database import Store
from nfold_service.store.rows import DatasetRow, EventRow, JobRow, KeyRow, UploadRow

__all__ = ["DatasetRow", "EventRow", "JobRow", "KeyRow", "Store", "UploadRow"]
