"""What BFCL's tools use and change, seen from outside our declarations: by watching the attributes of the instances."""

from collections.abc import Iterable, Sequence
from typing import Any

from asyncfc_sim.core.footprint import Footprint, Pattern, parse_pattern
from asyncfc_sim.workloads.bfcl_world import BfclWorld

# What each attribute of the instances is among the declared resources; attributes not named here never change.
RESOURCES: dict[str, dict[str, str]] = {
    "GorillaFileSystem": {"root": "fs:*", "_current_dir": "fs:*"},
    "MathAPI": {},
    "MessageAPI": {
        "generated_ids": "message:ids", "_random": "message:ids", "user_count": "message:user_count",
        "user_map": "message:users/*", "inbox": "message:inbox", "message_count": "message:inbox",
        "current_user": "message:session",
    },
    "TicketAPI": {
        "ticket_queue": "ticket:tickets/*", "ticket_counter": "ticket:tickets/*", "current_user": "ticket:session",
    },
    "TradingBot": {
        "orders": "trading:orders/* trading:order_ids", "order_counter": "trading:order_ids",
        "account_info": "trading:balance", "authenticated": "trading:session", "watch_list": "trading:watchlist",
        "transaction_history": "trading:transactions", "_random": "trading:random",
    },
    "TravelAPI": {
        "credit_card_list": "travel:cards/*", "booking_record": "travel:bookings/*", "access_token": "travel:session",
        "token_type": "travel:session", "token_expires_in": "travel:session", "token_scope": "travel:session",
        "user_first_name": "travel:session", "user_last_name": "travel:session", "budget_limit": "travel:budget",
        "_flight_cost_lookup": "travel:cost_cache", "_random": "travel:random",
    },
    "TwitterAPI": {
        "authenticated": "twitter:session", "tweets": "twitter:tweets/*", "tweet_counter": "twitter:tweets/*",
        "comments": "twitter:comments/* twitter:comment_order", "retweets": "twitter:retweets",
        "following_list": "twitter:following",
    },
    "VehicleControlAPI": {
        "fuelLevel": "vehicle:fuel", "engine_state": "vehicle:engine", "remainingUnlockedDoors": "vehicle:doors",
        "doorStatus": "vehicle:doors", "acTemperature": "vehicle:climate", "fanSpeed": "vehicle:climate",
        "acMode": "vehicle:climate", "headLightStatus": "vehicle:headlights",
        "parkingBrakeStatus": "vehicle:parkingBrake", "_parkingBrakeForce": "vehicle:parkingBrake",
        "_slopeAngle": "vehicle:parkingBrake", "brakePedalStatus": "vehicle:brakePedal",
        "_brakePedalForce": "vehicle:brakePedal", "distanceToNextVehicle": "vehicle:cruise",
        "cruiseStatus": "vehicle:cruise", "destination": "vehicle:destination", "_random": "vehicle:random",
    },
}  # fmt: skip


def undeclared(world: BfclWorld, call: tuple[int, str, dict[str, Any]], footprint: Footprint) -> set[str]:
    """Run a call, watching the attributes that it uses and those that it changes: which were not declared?"""
    used: set[tuple[str, str]] = set()
    before = world.state().splitlines()
    kinds = {name: type(instance) for name, instance in world._instances.items()}
    for name, instance in world._instances.items():
        instance.__class__ = _watched(kinds[name], name, used)
    world.call(*call)
    for name, instance in world._instances.items():
        instance.__class__ = kinds[name]
    changed = {line.partition(" = ")[0] for line in set(before) ^ set(world.state().splitlines())}
    touched = footprint.reads + footprint.writes
    faults = {f"uses {'.'.join(each)}" for each in used if not _covered(each, touched)}
    return faults | {f"changes {each}" for each in changed if not _covered(each.split("."), footprint.writes, False)}


def _watched(kind: type[Any], name: str, used: set[tuple[str, str]]) -> type[Any]:
    def get(self: Any, attribute: str) -> Any:
        if attribute in object.__getattribute__(self, "__dict__"):
            used.add((name, attribute))
        return object.__getattribute__(self, attribute)

    def put(self: Any, attribute: str, value: Any) -> None:
        used.add((name, attribute))
        object.__setattr__(self, attribute, value)

    return type(kind.__name__, (kind,), {"__getattribute__": get, "__setattr__": put})


def _covered(attribute: Sequence[str], patterns: Iterable[Pattern], if_constant: bool = True) -> bool:
    name, field = attribute
    if field not in RESOURCES[name]:
        return if_constant
    resources = [parse_pattern(text) for text in RESOURCES[name][field].split()]
    return any(resource.overlaps(pattern) for resource in resources for pattern in patterns)
