"""A process that publishes stored events: probes, the relay, and a clean end at SIGTERM."""

from collections.abc import Coroutine, Sequence
from typing import Any

from services.kit.http.health import Check, Health
from services.kit.http.server import probes, until_stopped
from services.kit.kafka.clients import make_consumer, make_producer, reach, started
from services.kit.kafka.publisher import KafkaPublisher
from services.kit.kafka.relay import Relay, RelayStore
from services.kit.loops import Progress, background
from services.kit.settings import ServiceSettings

STALLED_AFTER = 30.0
"""Seconds without a step that turn readiness red."""


class RelayProcess:
    """Publishes the events of `store`, with other work `beside`; `checks` are added to readiness."""

    def __init__(
        self,
        settings: ServiceSettings,
        name: str,
        store: RelayStore,
        beside: Sequence[Coroutine[Any, Any, None]] = (),
        **checks: Check,
    ) -> None:
        """Called inside a running loop."""
        self._settings, self._store, self._beside = settings, store, beside
        self._producer, self._reader = make_producer(settings, name), make_consumer(settings, [], None)
        self._progress = Progress(STALLED_AFTER)
        self.health = Health(kafka=lambda: reach(self._producer), relay=self._progress.check, **checks)

    async def run(self) -> None:
        """Until cancelled."""
        publisher = KafkaPublisher(self._producer, self._reader, self._settings.topic_prefix)
        async with background(*self._beside), started(self._producer, self._reader):
            await Relay(self._store, publisher, self._progress).run()

    async def serve(self) -> None:
        """Until SIGTERM, with probes on the process's port."""
        async with probes(self.health, self._settings):
            await until_stopped(self.run())
