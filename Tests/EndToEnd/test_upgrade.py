"""A store of format 1, as the version before aliases, free SKUs and coverage by workload left it, killed while it had a
log to replay: it starts, answers the same figures, is written anew, and answers them still.

`golden/store-1` has its data folder and what it answered. Its days are long past, so that the answers hold for ever.
"""

import gzip
import json
import shutil
import tarfile
from pathlib import Path

import pytest
from daemon import run_insightsd
from google.protobuf.json_format import MessageToDict

GOLDEN = Path(__file__).parent / "golden/store-1"
# What answers have gained since.
GAINED = {"workloads", "revision", "principal_name", "term", "uncatalogued_skus", "uncatalogued_sku_count"}


def differences(old, new, path=""):
    """Where an answer is no longer what it was, beside what it has gained."""
    if isinstance(old, dict):
        for key in old.keys() | new.keys():
            where = f"{path}.{key}"
            if key not in old:
                if key not in GAINED:
                    yield f"{where} is there: {new[key]}"
            elif key not in new:
                yield f"{where} is gone: {old[key]}"
            elif key == "classes":
                yield from differences(*(with_people(classes[key]) for classes in (old, new)), where)
            elif key not in ("text", "next_page_token"):
                yield from differences(old[key], new[key], where)
    elif isinstance(old, list):
        if len(old) != len(new):
            yield f"{path}: {old} is now {new}"
        for place, (left, right) in enumerate(zip(old, new)):
            yield from differences(left, right, f"{path}[{place}]")
    elif old != new:
        yield f"{path}: {old} is now {new}"


def with_people(classes):
    return [row for row in classes if row.get("users", "0") != "0"]


def check(house):
    house.forget_clients()
    answers = json.loads(gzip.decompress((GOLDEN / "answers.json.gz").read_bytes()))
    assert len(answers) > 100
    for name, question in answers.items():
        answer = MessageToDict(
            house["bob"].call(question["method"], **question["request"]), preserving_proto_field_name=True
        )
        assert not list(differences(question["answer"], answer)), name


@pytest.fixture
def house(new_house):
    house = new_house()
    house.daemon.folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(GOLDEN / "data.tar.gz") as archive:
        archive.extractall(house.daemon.folder, filter="data")
    house.daemon.data.chmod(0o700)
    for path in house.daemon.data.iterdir():
        path.chmod(0o600)
    return house


def test_a_store_of_before_answers_the_same_and_is_upgraded(house, tmp_path):
    house.start()
    check(house)
    assert house.daemon.stop() == 0
    done = run_insightsd("verify-store", "--data", house.daemon.data)
    assert done.returncode == 0, done.stderr
    house.start()
    check(house)
    # What only the present version can say, on top of what was there.
    house["operator"].feed([house.facts.customer("world-00", "Renamed")])
    house["operator"].call("EraseUser", customer_id="world-01", user_id="u2")
    house.daemon.kill()
    copy = tmp_path / "copy"
    shutil.copytree(house.daemon.data, copy)
    house.forget_clients()
    house.start()
    assert house["bob"].call("GetCustomer", customer_id="world-00").customer.name == "Renamed"
    users = house["bob"].call("ListLicensedUsers", customer_id="world-01").users
    assert all(user.user_id != "u2" for user in users)
    done = run_insightsd("verify-store", "--data", copy)
    assert done.returncode == 0, done.stderr
