"""Signing in to a network's own Kafka as its admin."""

from typing import Any

from services.kit.kafka.clients import security
from services.kit.kafka.topics import TopicSettings
from services.kit.settings import Mode
from services.local.passwords import kafka_users
from services.local.plan import Plan


def admin_settings(plan: Plan) -> TopicSettings:
    """The settings of the job that makes users, rights and topics."""
    login: dict[str, Any] = {name.removeprefix("JOLDAMA_").lower(): one for name, one in plan.kafka_login().items()}
    if plan.kafka:
        login["kafka_user_passwords"] = {user: plan.passwords[user] for user in kafka_users()}
    return TopicSettings(mode=Mode.LOCAL, kafka_servers=plan.kafka_servers, **login)


def admin_options(plan: Plan) -> dict[str, Any]:
    """The connection options of aiokafka's clients."""
    settings = admin_settings(plan)
    return {"bootstrap_servers": settings.kafka_servers, **security(settings)}
