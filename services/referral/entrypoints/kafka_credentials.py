"""Faust's credentials for a secured Kafka."""

import faust

from services.kit.kafka.clients import security
from services.kit.settings import ServiceSettings


def credentials(settings: ServiceSettings) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """The same security as every other client's; None for plain text without a login."""
    options = security(settings)
    context = options.get("ssl_context")
    if settings.kafka_security.startswith("SASL"):
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            mechanism=options["sasl_mechanism"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None
