"""The tables. Times are seconds since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA_VERSION = 1
"""Raised with every change; a data folder of an older version is migrated or refused, see `database`."""

metadata = MetaData()

about = Table("about", metadata, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False))

keys = Table(
    "keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("label", Text, nullable=False, default=""),
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("name", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("files", BigInteger, nullable=False, default=0),
    Column("bytes", BigInteger, nullable=False, default=0),
    Column("found", JSON),
    Column("problem", JSON),
    Column("created_at", Float, nullable=False),
    Column("used_at", Float, nullable=False),
)
Index("datasets_by_owner", datasets.c.owner, datasets.c.created_at, datasets.c.id)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("dataset", String(40), nullable=False),
    Column("name", Text, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False, default=0),
    Column("state", String(20), nullable=False),
    Column("details", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("used_at", Float, nullable=False),
)
Index("uploads_by_dataset", uploads.c.dataset)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("dataset", String(40), nullable=False),
    Column("state", String(30), nullable=False),
    Column("request", JSON, nullable=False),
    Column("progress", JSON, nullable=False),
    Column("result", JSON),
    Column("problem", JSON),
    Column("attempts", Integer, nullable=False, default=0),
    Column("lease", BigInteger, nullable=False, default=0),
    Column("cancel", Boolean, nullable=False, default=False),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("used_at", Float, nullable=False),
)
Index("jobs_by_owner", jobs.c.owner, jobs.c.created_at, jobs.c.id)
Index("jobs_by_state", jobs.c.state, jobs.c.created_at)
Index("jobs_by_dataset", jobs.c.dataset)

events = Table(
    "events",
    metadata,
    Column("job", String(40), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", String(30), nullable=False),
    Column("data", JSON, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("owner", String(200), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("seed", String(32), nullable=False),
    Column("held", Boolean, nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("body_hash", String(64)),
    Column("status", Integer),
    Column("headers", JSON),
    Column("body", LargeBinary),
    Column("created_at", Float, nullable=False),
)
Index("answers_by_age", answers.c.created_at)
"""What was answered to each Idempotency-Key.

`held` while a request is under way. `seed` is what the ids of things come from that the request makes. `request_hash` is
of the first part of the body, `body_hash` of a longer one. An answer without a body is made again when it is asked for.
"""
