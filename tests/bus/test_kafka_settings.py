"""What a deployment sets reaches the clients, and the password nobody else."""

import ssl

from shared.kafka import KafkaSettings


def test_by_default_the_connection_is_plain() -> None:
    connection = KafkaSettings().connection()
    assert connection["security_protocol"] == "PLAINTEXT"
    assert connection["ssl_context"] is None


def test_with_tls_the_brokers_certificate_and_name_are_checked() -> None:
    settings = KafkaSettings("kafka:9093", security_protocol="SASL_SSL", username="sla", password="hush")
    connection = settings.connection()
    context = connection["ssl_context"]
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert (connection["sasl_mechanism"], connection["sasl_plain_username"], connection["sasl_plain_password"]) == (
        "SCRAM-SHA-512",
        "sla",
        "hush",
    )


def test_the_password_is_not_shown() -> None:
    assert "hush" not in repr(KafkaSettings(password="hush"))
