"""kill -9 of any of three servers on one store, while all are written to and read from: nobody else notices.

    INSIGHTS_KILLS=N    kills of the long run (1,000)
"""

import os
import random

import pytest
from fault_cluster import Cluster, Feeder, Readers, shared_postgres

KILLS = 5
MANY_KILLS = int(os.environ.get("INSIGHTS_KILLS", 1_000))


@pytest.fixture
def cluster(new_house, tmp_path):
    return Cluster(new_house, tmp_path, shared_postgres()).start()


def test_a_killed_server_loses_nothing_and_hurts_nobody(cluster):
    kill(cluster, KILLS)


@pytest.mark.long
def test_many_kills(cluster):
    # What is compared at the end is bounded by the pace.
    kill(cluster, MANY_KILLS, most=5)


def kill(cluster, times, most=None):
    feeder, readers = Feeder(cluster, most).start(), Readers(cluster).start()
    dice = random.Random(31)
    for count in range(times):
        victim = dice.choice(cluster.houses)
        with feeder.without(victim), readers.without(victim):
            feeder.wait_for(1, victim)
            feeder.wait_for(dice.randrange(8))
            victim.daemon.kill()
            for house in cluster.houses:
                if house is not victim:
                    feeder.wait_for(1, house)
            victim.restart()
            # Its stream is a new one by then, and so is its reader's connection.
            feeder.wait_for(1, victim)
            readers.wait_for(1)
        if count % 100 == 99:
            print(f"{count + 1} kills, {len(feeder.acknowledged)} batches acknowledged")
    feeder.wait_for(10)
    readers.wait_for(3)
    cluster.check(feeder)
    readers.finish()
    assert not any(feeder.errors.values()), feeder.errors
    assert not any(readers.errors.values()), readers.errors
    assert not cluster.logged("history diverged")
    for house in cluster.houses:
        assert house.daemon.stop() == 0
