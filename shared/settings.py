"""What a deployment may set, by environment variables with the prefix STEWARD_ or files of a mounted secret."""

import os
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class NotSet(Exception):
    """A setting that has no default is not there."""


class Settings(BaseSettings):
    """The settings every process reads. A service's own database is `STEWARD_<SERVICE>_DATABASE_URL`."""

    model_config = SettingsConfigDict(env_prefix="STEWARD_", extra="ignore")

    data: Path = Field(Path("var"), description="where the embedded system keeps its files")
    host: str = "127.0.0.1"
    port: int = 8000
    bus: Literal["memory", "kafka"] = "kafka"
    kafka: str = Field("127.0.0.1:9092", description="bootstrap servers, comma separated")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: str | None = Field(None, repr=False)
    kafka_ca_file: str | None = None
    kafka_certificate_file: str | None = None
    kafka_key_file: str | None = None
    kafka_partitions: int = Field(6, description="of topics made here; at least as many as a consumer has replicas")
    kafka_replication: int = 1
    kafka_instance: str | None = Field(None, description="this replica's lasting name, such as its pod's")
    database_pool: int = Field(10, description="connections for commands, per service and process")

    oidc_issuer: str = "http://127.0.0.1/steward-local"
    oidc_audience: str = "steward"
    oidc_jwks: str | None = Field(
        None, description="URL or file of the issuer's keys; None asks the issuer's discovery"
    )
    oidc_token_types: tuple[str, ...] = ("at+jwt", "application/at+jwt")
    oidc_roles_claim: str = "roles"
    oidc_organisation_claim: str = "organisation"

    otlp: str | None = Field(
        None,
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="the OpenTelemetry collector that spans are sent to; the SDK's other variables hold as well",
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    relay_lag_limit: int = Field(10_000, description="events waiting for the bus above which a service is not ready")

    def database_url(self, service: str) -> str:
        """The service's own database as an SQLAlchemy URL. Raises NotSet that names the variable."""
        name = f"STEWARD_{service.upper()}_DATABASE_URL"
        if name not in os.environ:
            raise NotSet(
                f"{name} says where the database of {service} is: postgresql+asyncpg://user:password@host/name"
            )
        return os.environ[name]
