"""How to reach the Kafka cluster, and the bounds on waiting for it."""

import ssl
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """`bootstrap` is `host:port`, several separated by commas. Durations are seconds, sizes bytes.

    `partitions`, `replication` and `max_message` are for topics this process makes; give a topic at least as many
    partitions as there will ever be replicas of one consumer, for a member without a partition cannot always come
    back (aiokafka 1187). `instance` names this replica for good (a StatefulSet's pod name): a process that was killed
    then gets its partitions back at once instead of after the group's session time.
    """

    bootstrap: str = "127.0.0.1:9092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    partitions: int = 6
    replication: int = 1
    max_message: int = 1_048_576
    instance: str | None = None
    timeout: float = 10.0
    """Bound on one call: a publish, a commit, making topics."""
    join: float = 30.0
    """Bound on joining a consumer group, which may have to wait for a member that died."""
    stall: float = 30.0
    """A subscription that is behind and gets nothing for so long is unhealthy and is made anew."""

    def connection(self) -> dict[str, Any]:
        """The keyword arguments every client of the library takes."""
        context = None
        if self.security_protocol in ("SSL", "SASL_SSL"):
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.certificate_file is not None:
                context.load_cert_chain(self.certificate_file, self.key_file)
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security_protocol,
            "ssl_context": context,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }
