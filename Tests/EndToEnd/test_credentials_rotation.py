"""Certificate, key, authorities and revocation lists change under a running server: no call fails, nothing half-done
is taken up, and whoever is revoked stays so."""

import json
import shutil
import threading
import time

import pytest
from certificates import Authority
from conftest import Certificates, House
from frames import connect, tls_context
from test_transport import eventually
from wire import Refusal

READ_AGAIN = "TLS files read again"
WARNING = "TLS files cannot be used"


class Rotation:
    """A server whose TLS files may be changed by the test."""

    def __init__(self, api, folder):
        self.certificates = Certificates(folder / "own")
        self.authority = self.certificates.authority
        self.crl = folder / "revoked.pem"
        self.authority.write_revocations(self.crl)
        # A copy: the clients' own idea of whom to trust stays as it is.
        self.bundle = folder / "client-authorities.pem"
        shutil.copy(self.authority.certificate, self.bundle)
        options = ("--crl", self.crl, "--client-ca", self.bundle, "--partner-rate", 100_000, "--partner-burst", 100_000)
        self.house = House(api, self.certificates, folder / "house", *options).start().register()

    def log_count(self, text):
        return self.house.daemon.log_text().count(text)

    def warnings(self, begin=0):
        """Reasons of the refusals in the log behind so many of its characters."""
        lines = map(json.loads, self.house.daemon.log_text()[begin:].splitlines())
        return [line["metadata"]["reason"] for line in lines if WARNING in line["message"]]

    def serial(self):
        with connect(self.house.daemon.address, tls_context(self.authority)) as tls:
            return tls.getpeercert()["serialNumber"]

    def after_reload(self, change):
        """Makes a change and waits until the server has taken it up."""
        before = self.log_count(READ_AGAIN)
        change()
        eventually(lambda: self.log_count(READ_AGAIN) > before)

    def after_warning(self, change, seconds=0):
        """Makes a change that must not be taken up, and waits for the warning and then some seconds more; what the
        warnings say. Each fault is told once, not once a second. Two steps of a writer may be two faults."""
        begin = len(self.house.daemon.log_text())
        change()
        eventually(lambda: self.warnings(begin))
        time.sleep(seconds)
        told = self.warnings(begin)
        assert len(told) == len(set(told)), told
        # What was good before the change may be read once more before the warning.
        assert READ_AGAIN not in self.house.daemon.log_text()[begin:].rpartition(WARNING)[2]
        return told

    def asked(self, *names):
        """What everybody is told on a new connection, by name: `answered` or the reason."""
        answers = {}
        for name in names:
            with self.house.client(getattr(self.certificates, name)) as client:
                answer = client.raw("WhoAmI", b"")
                answers[name] = "answered" if isinstance(answer, bytes) else answer.reason
        return answers

    def put(self, path, data):
        """Whole at once: whoever looks sees the file of before or this one, never half of it."""
        beside = path.with_suffix(".beside")
        beside.write_bytes(data)
        beside.rename(path)

    def put_list(self, path):
        self.put(self.crl, path.read_bytes())

    def revoke(self, name):
        self.authority.revoke(getattr(self.certificates, name))
        self.authority.write_revocations(self.crl)


@pytest.fixture(scope="module")
def rotation(api, tmp_path_factory):
    rotation = Rotation(api, tmp_path_factory.mktemp("rotation"))
    yield rotation
    rotation.house.close()


class Load:
    """Calls without a pause, over one long connection each and over new ones; counts what fails."""

    def __init__(self, house):
        self.house = house
        self.answered = 0
        self.failures = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=work) for work in (self.keep, self.keep, self.renew, self.renew)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _call(self, client):
        answer = client.raw("WhoAmI", b"")
        if isinstance(answer, Refusal):
            self.failures.append(answer)
        else:
            self.answered += 1
        time.sleep(0.002)

    def keep(self):
        with self.house.client(self.house.certificates.alice) as client:
            while not self.over.is_set():
                self._call(client)

    def renew(self):
        while not self.over.is_set():
            with self.house.client(self.house.certificates.carol) as client:
                self._call(client)


def in_place(source, target):
    """As `cp` does: emptied and written again."""
    target.write_bytes(source.read_bytes())


def test_no_call_fails_while_everything_is_rotated(rotation):
    own, authority = rotation.certificates, rotation.authority
    files, bundle = own.server, rotation.bundle
    serials = [rotation.serial()]
    first, second = (authority.server(name) for name in ("rotated-1", "rotated-2"))
    whole = bundle.read_bytes()
    with Load(rotation.house) as load:

        def renamed():
            first.key.rename(files.key)
            first.certificate.rename(files.certificate)

        rotation.after_reload(renamed)
        serials.append(rotation.serial())
        # Certificate first, key later: between the two the old pair serves.
        rotation.after_warning(lambda: in_place(second.certificate, files.certificate), seconds=2.5)
        assert rotation.serial() == serials[1]
        rotation.after_reload(lambda: in_place(second.key, files.key))
        serials.append(rotation.serial())
        # Authorities: one more, half a file, and back.
        rotation.after_reload(lambda: bundle.write_bytes(whole + own.other_authority.certificate.read_bytes()))
        rotation.after_warning(lambda: bundle.write_bytes(whole[: len(whole) // 2]))
        rotation.after_reload(lambda: bundle.write_bytes(whole))
        # Revocations, renamed over.
        rotation.after_reload(lambda: authority.write_revocations(rotation.crl))
    assert len(set(serials)) == 3
    print(f"\nfailed calls while files were rotated: {len(load.failures)} of {load.answered + len(load.failures)}")
    assert load.failures == [] and load.answered > 100


def test_what_cannot_be_used_is_not_taken_up(rotation):
    files = {
        "certificate": rotation.certificates.server.certificate, "key": rotation.certificates.server.key,
        "authorities": rotation.bundle, "revocations": rotation.crl,
    }  # fmt: skip
    serial = rotation.serial()
    good = {name: path.read_bytes() for name, path in files.items()}
    spoiled = None
    for name, broken in (
        ("certificate", b""), ("key", b"no PEM"), ("authorities", good["authorities"][:300]), ("revocations", None),
        ("key", None),
    ):  # fmt: skip

        def spoil():
            # The one of before is mended at the same moment: a new warning tells of the new fault alone.
            if broken is None:
                files[name].unlink()
            else:
                rotation.put(files[name], broken)
            if spoiled:
                rotation.put(files[spoiled], good[spoiled])

        rotation.after_warning(spoil)
        spoiled = name
        assert rotation.serial() == serial
        assert rotation.asked("alice", "other_ca") == {"alice": "answered", "other_ca": "CREDENTIAL_INVALID"}, name
    rotation.after_reload(lambda: rotation.put(files[spoiled], good[spoiled]))
    assert rotation.serial() == serial


# MARK: Revocation lists

DELTA = "2.5.29.27=critical,DER:02:01:01"
SCOPE = "issuingDistributionPoint=critical,@scope\n[scope]\n"


def test_revoked_stays_revoked(rotation, tmp_path):
    """Whatever list follows: expired, of somebody else, forged, delta. What cannot be checked lets nobody in."""
    everybody = ("alice", "bob", "carol")
    only_bob = {"alice": "answered", "bob": "CREDENTIAL_INVALID", "carol": "answered"}
    nobody = dict.fromkeys(everybody, "CREDENTIAL_INVALID")
    authority, other = rotation.authority, rotation.certificates.other_authority
    clean = tmp_path / "clean.pem"
    shutil.copy(rotation.crl, clean)
    rotation.after_reload(lambda: rotation.revoke("bob"))
    assert rotation.asked(*everybody) == only_bob
    revoked = tmp_path / "revoked.pem"
    shutil.copy(rotation.crl, revoked)

    # Forged: the issuer's name, somebody else's key. Not taken up; the old list stays in force.
    impostor = Authority(tmp_path / "impostor")
    forged = impostor.revocation_list(tmp_path / "forged.pem")
    rotation.after_warning(lambda: rotation.put_list(forged))
    assert rotation.asked(*everybody) == only_bob
    # Nor beside the good one.
    rotation.after_reload(lambda: rotation.put_list(revoked))
    rotation.after_warning(lambda: rotation.put(rotation.crl, revoked.read_bytes() + forged.read_bytes()))
    assert rotation.asked(*everybody) == only_bob

    # Expired, and of another authority: nothing is known of anybody, so nobody is let in.
    late = ("-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200201000000Z")
    expired = authority.revocation_list(tmp_path / "expired.pem", *late)
    foreign = other.revocation_list(tmp_path / "foreign.pem")
    with rotation.house.client(rotation.certificates.alice) as open_connection:
        assert open_connection.call("WhoAmI")
        for bad in (expired, foreign):
            rotation.after_reload(lambda: rotation.put_list(bad))
            assert rotation.asked(*everybody) == nobody, bad.name
            assert open_connection.raw("WhoAmI", b"").reason == "CREDENTIAL_INVALID"
        rotation.after_reload(lambda: rotation.put_list(revoked))
        assert open_connection.call("WhoAmI"), "and the connection goes on where it was"
    assert rotation.asked(*everybody) == only_bob

    # A delta says what changed since a base; alone it is no list.
    delta = authority.revocation_list(tmp_path / "delta.pem", extensions=DELTA, revoked=[])
    rotation.after_reload(lambda: rotation.put_list(delta))
    assert rotation.asked(*everybody) == nobody
    # Beside one it takes nobody off it.
    for both in (revoked.read_bytes() + delta.read_bytes(), delta.read_bytes() + revoked.read_bytes()):
        rotation.after_reload(lambda: rotation.put(rotation.crl, both))
        assert rotation.asked(*everybody) == only_bob
    # Of two lists of one authority, an older one in front does not count.
    rotation.after_reload(lambda: rotation.put(rotation.crl, clean.read_bytes() + revoked.read_bytes()))
    assert rotation.asked(*everybody) == only_bob


def test_the_start_is_refused_with_a_forged_list(api, certificates, tmp_path):
    impostor = Authority(tmp_path / "impostor")
    forged = impostor.revocation_list(tmp_path / "forged.pem")
    code, error = House(api, certificates, tmp_path / "house", "--crl", forged).daemon.start_refused()
    assert code == 1 and f"{forged}: a revocation list is not signed by its issuer" in error


UNUSABLE = {
    "delta": (DELTA, "it is a delta"),
    "indirect": (SCOPE + "indirectCRL=TRUE", "it is indirect"),
    "some reasons": (SCOPE + "onlysomereasons=keyCompromise", "it speaks of some reasons alone"),
    "unknown": ("1.2.3.4.5.6=critical,DER:05:00", "it has a critical extension that is not understood"),
}


@pytest.mark.parametrize("extensions,reason", UNUSABLE.values(), ids=UNUSABLE)
def test_a_list_that_is_not_whole_lets_nobody_in(rotation, tmp_path, extensions, reason):
    """Whatever the library makes of it: it is left out, and without another list nobody is let in."""
    path = rotation.authority.revocation_list(tmp_path / "odd.pem", extensions=extensions)
    rotation.after_reload(lambda: rotation.put_list(path))
    assert rotation.asked("alice", "bob") == {"alice": "CREDENTIAL_INVALID", "bob": "CREDENTIAL_INVALID"}
    rotation.house.daemon.wait_for_log(f"a revocation list is left out: {reason}")
