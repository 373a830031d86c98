"""`python -m services.capacity.entrypoints.relay`: the stream of steps to Kafka."""

from services.capacity.adapters.redis_connection import open_scripts
from services.capacity.adapters.redis_relay_store import RedisRelayStore
from services.capacity.adapters.redis_steps import RedisSteps
from services.capacity.settings import CapacitySettings
from services.kit import tracing
from services.kit.kafka.relay_process import RelayProcess
from services.kit.logging import configure_logging
from services.kit.loops import run


async def serve(settings: CapacitySettings) -> None:
    async with open_scripts(settings) as scripts:
        store = RedisRelayStore(scripts, RedisSteps(scripts, settings.staleness))
        await RelayProcess(settings, "capacity-relay", store, redis=scripts.check_writable).serve()


def main() -> None:
    settings = CapacitySettings()
    configure_logging("capacity-relay", settings.log_level)
    tracing.set_up("capacity-relay", settings.otlp_endpoint, settings.traces_share)
    run(serve(settings))


if __name__ == "__main__":
    main()
