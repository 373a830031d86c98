"""The events between services, a class for each type, without personal data; `read_event` and `write_event`."""

from services.contracts.events.capacity import *  # noqa: F403
from services.contracts.events.diagnosis import *  # noqa: F403
from services.contracts.events.envelope import *  # noqa: F403
from services.contracts.events.payload import *  # noqa: F403
from services.contracts.events.referral import *  # noqa: F403
