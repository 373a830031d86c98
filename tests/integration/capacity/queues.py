"""A model of the queues, made of capacity's own story: it fails when somebody is overtaken."""

from services.contracts.events import ClaimQueuedV1, ClaimWithdrawnV1, Payload, PlaceHandedOverV1, PlaceHeldV1


class Queues:
    """Who stands where, by the story: fails when somebody is overtaken or a place is given past a queue."""

    def __init__(self) -> None:
        self._entries: dict[str, set[tuple[int, str]]] = {}

    def read(self, data: Payload) -> None:
        if isinstance(data, ClaimQueuedV1):
            for name in data.programme_ids:
                self.at(name).add((data.rank, str(data.referral_id)))
        elif isinstance(data, ClaimWithdrawnV1):
            self._leave(str(data.referral_id), data.programme_ids)
        elif isinstance(data, PlaceHandedOverV1):
            first = min(self.at(data.programme_id))
            assert first[1] == str(data.referral_id), f"{data.referral_id} overtook {first}"
            self._leave(first[1], (data.programme_id, *data.left))
        elif isinstance(data, PlaceHeldV1) and not data.kept:
            assert not self.at(data.programme_id), f"{data.referral_id} passed a queue"

    def at(self, name: str) -> set[tuple[int, str]]:
        return self._entries.setdefault(name, set())

    def _leave(self, who: str, names: tuple[str, ...]) -> None:
        for name in names:
            mine = {entry for entry in self.at(name) if entry[1] == who}
            assert mine, f"{who} did not stand at {name}"
            self._entries[name] -= mine
