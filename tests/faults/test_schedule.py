"""The seed alone decides what is killed when, and every part is hit."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.schedule import KILLS, PAUSES, doubled, schedule

SEEDS = st.integers(0, 1_000_000)
SERVICES = st.sets(st.sampled_from(("change", "cmdb", "incident", "problem", "sla")), min_size=1).map(sorted)


@settings(max_examples=25, deadline=None)
@given(SEEDS, SERVICES, st.integers(1, 60))
def test_a_seed_gives_the_same_schedule_each_time(seed: int, services: list[str], kills: int) -> None:
    assert schedule(seed, services, kills) == schedule(seed, services, kills)
    assert doubled(seed, services) in services
    assert sum(each.kills for each in schedule(seed, services, kills)) == kills


@settings(max_examples=25, deadline=None)
@given(SEEDS, SERVICES)
def test_a_run_of_22_kills_hits_every_part_in_every_way(seed: int, services: list[str]) -> None:
    found = schedule(seed, services, 22)
    assert {each.kind for each in found} == {*KILLS, *PAUSES}
    for kind in ("service", "leader"):
        assert {each.target for each in found if each.kind == kind} == set(services)


@settings(max_examples=25, deadline=None)
@given(SEEDS, SERVICES)
def test_a_short_run_kills_every_part_once(seed: int, services: list[str]) -> None:
    found = schedule(seed, services, len(services) + 3)
    assert {"postgres", "kafka", "backend"} <= {each.kind for each in found}
    assert {each.target for each in found if each.kind in ("service", "leader")} == set(services)


@settings(max_examples=25, deadline=None)
@given(SEEDS, SERVICES, st.integers(1, 60))
def test_pauses_last_from_three_to_ten_seconds_and_kills_do_not_last(
    seed: int, services: list[str], kills: int
) -> None:
    for each in schedule(seed, services, kills):
        assert each.length == 0 if each.kills else 3 <= each.length <= 10


def test_two_seeds_give_two_schedules() -> None:
    services = ["incident", "problem", "sla"]
    assert schedule(1, services, 24) != schedule(2, services, 24)
