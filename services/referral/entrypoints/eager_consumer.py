"""Faust's consumer without four tasks a message, which cost more than all else that it does with one."""

from collections.abc import Coroutine, Generator
from typing import Any

from faust.transport.drivers.aiokafka import Consumer
from mode.services import Service, WaitResults


class EagerService(Service):
    """A service that makes no task of what it need not wait for."""

    async def wait_first(self, *waited: Any, **options: Any) -> Any:
        """As `Service.wait_first`, but that the first is begun before the others."""
        first, *others = waited
        if not isinstance(first, Coroutine) or self._stopped.is_set() or self._crashed.is_set():
            return await super().wait_first(*waited, **options)
        try:
            waits_for = first.send(None)
        except BaseException as end:
            for one in others:
                if isinstance(one, Coroutine):
                    one.close()
            if isinstance(end, StopIteration):
                return WaitResults([first], [end.value], False)
            raise
        return await super().wait_first(_Resumed(first, waits_for), *others, **options)


class EagerConsumer(EagerService, Consumer):
    """It waits for each message's delivery, or until its flow is suspended; nearly all are delivered at once."""


class _Resumed:
    """The rest of a coroutine that was begun, and waits for this."""

    def __init__(self, begun: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._begun, self._waits_for = begun, waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._waits_for
        try:
            while True:
                try:
                    yield waits_for
                except GeneratorExit:
                    self._begun.close()
                    raise
                except BaseException as error:  # noqa: BLE001  a cancellation is its own to hear
                    waits_for = self._begun.throw(error)
                else:
                    waits_for = self._begun.send(None)
        except StopIteration as end:
            return end.value
