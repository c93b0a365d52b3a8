"""Who gets in by a certificate and who does not, below and above the handshake; sessions and protocol versions."""

import base64
import socket
import ssl
import subprocess

import grpc
import pytest
from certificates import TRUST_DOMAIN, Authority, openssl, principal_uri
from conftest import Certificates, House
from daemon import run_insightsd
from frames import Frames, tls_context
from google.rpc import error_details_pb2, status_pb2
from odd_certificates import AUTHORITY, LEAF, Workshop
from test_bad_input import WHO_AM_I
from test_transport import eventually

NOT_YET = ("-startdate", "20900101000000Z", "-enddate", "20910101000000Z")
INVALID = ("UNAUTHENTICATED", "CREDENTIAL_INVALID")


@pytest.fixture(scope="module")
def workshop(certificates, tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("odd") / "workshop", certificates.authority)


def lenient(authority, identity, version=None):
    """A client that holds back nothing: weak keys and digests included."""
    context = tls_context(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    if version:
        context.minimum_version = context.maximum_version = version
    if identity:
        context.load_cert_chain(str(identity.certificate), str(identity.key))
    return context


def outcome(house, identity, version=None):
    """`answered`, code and reason, or `handshake`."""
    try:
        with Frames(house.daemon.address, lenient(house.certificates.authority, identity, version)) as frames:
            answer = frames.request(WHO_AM_I, b"\0\0\0\0\0")
    except (ssl.SSLError, ConnectionError):
        return "handshake"
    if answer.grpc_status is None:
        return "handshake"
    if answer.grpc_status == 0:
        return "answered"
    raw = answer.headers["grpc-status-details-bin"]
    info = error_details_pb2.ErrorInfo()
    status_pb2.Status.FromString(base64.b64decode(raw + "=" * (-len(raw) % 4))).details[0].Unpack(info)
    return next(code.name for code in grpc.StatusCode if code.value[0] == answer.grpc_status), info.reason


def bad_chains(certificates, shop):
    authority, other = certificates.authority, certificates.other_authority
    intermediate = shop.make(AUTHORITY)
    no_authority = shop.leaf("DNS:no-authority")
    no_signing = shop.make("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature\n")
    only_leaves = shop.make("basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n")
    below = shop.make(AUTHORITY, by=only_leaves)
    for_servers = shop.make(AUTHORITY + "extendedKeyUsage=serverAuth\n")
    elsewhere = shop.make(AUTHORITY + "nameConstraints=critical,permitted;URI:elsewhere.test\n")
    excluded = shop.make(AUTHORITY + f"nameConstraints=critical,excluded;URI:{TRUST_DOMAIN}\n")
    unknown = shop.make(AUTHORITY + "1.2.3.4.5.6=critical,DER:0500\n")
    rsa = shop.make(AUTHORITY, key="RSA-2048")
    small, sha1 = shop.make(AUTHORITY, key="RSA-1024"), shop.make(AUTHORITY, digest="sha1")
    namesake = Workshop(shop.folder / "namesake", other)
    # The name of the trusted authority over a key of somebody else's.
    false_root = Authority(shop.folder / "false-root")
    return {
        "expired": certificates.expired,
        "not yet valid": authority._issue("not-yet", "clientAuth", [f"URI:{principal_uri('A', 'alice')}"], NOT_YET),
        "of another authority": certificates.other_ca,
        "of an authority of the same name": Workshop(shop.folder / "false", false_root).alice(),
        "of another authority, which it brings along": namesake.alice(chain=[namesake.root]),
        "for servers only": shop.alice(usage="extendedKeyUsage=serverAuth\n"),
        "for signing code": shop.alice(usage="extendedKeyUsage=codeSigning,emailProtection\n"),
        "key for encipherment only": shop.alice(basics="basicConstraints=CA:FALSE\nkeyUsage=critical,keyEncipherment\n"),
        "unknown critical extension": shop.alice(basics=LEAF + "1.2.3.4.5.6=critical,DER:0500\n"),
        "issued by a leaf": shop.alice(by=no_authority, chain=[no_authority]),
        "issued by a caller's certificate": shop.alice(by=certificates.bob, chain=[certificates.bob]),
        "issuer may not sign": shop.alice(by=no_signing, chain=[no_signing]),
        "path too long": shop.alice(by=below, chain=[below, only_leaves]),
        "issuer is for servers": shop.alice(by=for_servers, chain=[for_servers]),
        "issuer is missing": shop.alice(by=intermediate),
        "name constraints: permitted elsewhere": shop.alice(by=elsewhere, chain=[elsewhere]),
        "name constraints: excluded": shop.alice(by=excluded, chain=[excluded]),
        "unknown critical extension of the issuer": shop.alice(by=unknown, chain=[unknown]),
        "RSA of 1,024 bits": shop.alice(key="RSA-1024"),
        "SHA-1": shop.alice(digest="sha1"),
        "MD5": shop.alice(by=rsa, digest="md5", chain=[rsa]),
        "issuer with RSA of 1,024 bits": shop.alice(by=small, chain=[small]),
        "issuer by SHA-1": shop.alice(by=sha1, chain=[sha1]),
    }


def bad_names():
    domain = TRUST_DOMAIN
    good = principal_uri("A", "alice")
    a, b = good, principal_uri("A", "bob")
    single = {
        "no scheme": f"//{domain}/partner/A/principal/alice", "https": f"https://{domain}/partner/A/principal/alice",
        "scheme in capitals": "SPIFFE" + good[6:], "other domain": good.replace(domain, "insights.example"),
        "domain in capitals": good.replace(domain, domain.upper()), "domain with a dot": good.replace(domain, domain + "."),
        "domain with a port": good.replace(domain, domain + ":443"), "domain with a user": good.replace(domain, "a@" + domain),
        "subdomain": good.replace(domain, "x." + domain), "no domain": good.replace(domain, ""),
        "trailing slash": good + "/", "two slashes": good.replace("/A/", "//A/"), "no path": f"spiffe://{domain}",
        "path in capitals": good.replace("partner", "Partner"), "empty partner": good.replace("/A/", "//"),
        "empty principal": good.removesuffix("alice"), "one segment more": good + "/x", "query": good + "?a=b",
        "fragment": good + "\\#a", "percent escape": good.replace("alice", "%61lice"), "escaped slash": good.replace("/A/", "/A%2F/"),
        "dots": good.replace("/A/", "/../"), "dot": good.replace("alice", "."), "two dots": good.replace("alice", ".."),
        "semicolon": good + ";v=1", "principal in capitals": good.replace("alice", "ALICE"),
        "partner in small letters": good.replace("/A/", "/a/"), "other partner": good.replace("/A/", "/B/"),
        "unknown principal": good.replace("alice", "zero"), "unknown partner": good.replace("/A/", "/Z/"),
        "long id": good.replace("alice", "a" * 129), "very long": good + "a" * 3_000,
        "operator without a name": f"spiffe://{domain}/operator/", "operator with a path": f"spiffe://{domain}/operator/a/b",
        "operator in capitals": f"spiffe://{domain}/Operator/feeder", "principal alone": f"spiffe://{domain}/principal/alice",
        "operator's path in a partner": f"spiffe://{domain}/partner/A/operator/feeder",
    }  # fmt: skip
    lists = {name: [f"URI:{uri}"] for name, uri in single.items()}
    return lists | {
        "two URIs": [f"URI:{a}", f"URI:{b}"], "one URI twice": [f"URI:{a}", f"URI:{a}"],
        "a web page beside it": [f"URI:{a}", "URI:https://example.com"], "none": [], "a host name": ["DNS:alice"],
        "as a host name": [f"DNS:{a}"], "as an address of mail": ["email:alice@" + domain],
        "as another name": [f"otherName:1.2.3.4;UTF8:{a}"], "as a registered id": ["RID:1.2.3.4"],
        "70 URIs": [f"URI:{a}"] * 70,
    }  # fmt: skip


def test_no_bad_certificate_is_let_in(house, certificates, workshop):
    chains = bad_chains(certificates, workshop)
    chain = workshop.chain(100)
    chains["chain of 100"] = workshop.alice(by=chain[0], chain=chain)
    chains["chain of 400, above 100 KiB"] = workshop.alice(by=chain[0], chain=chain * 4)
    named = {name: workshop.leaf(*names) for name, names in bad_names().items()}
    outcomes = {name: outcome(house, identity) for name, identity in {**chains, **named}.items()}
    accepted = [name for name, what in outcomes.items() if what == "answered"]
    print(f"\nbad certificates: accepted {len(accepted)} of {len(outcomes)};",
          f"{list(outcomes.values()).count('handshake')} refused in the handshake")
    assert accepted == []
    expected = {name: INVALID for name in outcomes} | {"expired": ("UNAUTHENTICATED", "CREDENTIAL_EXPIRED")}
    unlike = {name: what for name, what in outcomes.items() if what not in (expected[name], "handshake")}
    assert not unlike
    assert all(outcomes[name] == INVALID for name in named), "names are judged above the handshake"


def refusals(house):
    """What the log says of refused credentials."""
    lines = house.daemon.log_lines()
    return [line["metadata"] for line in lines if line["message"] == "credential refused" and line["level"] == "info"]


def test_the_log_says_why_a_certificate_is_refused(new_house, certificates, workshop):
    """At the default level: the cause, of a chain what is wrong with it, and which certificate it was."""
    house = new_house().start().register()
    authority = certificates.authority
    not_yet = authority._issue("not-yet-logged", "clientAuth", [f"URI:{principal_uri('A', 'alice')}"], NOT_YET)
    unverified = "certificate-unverified"
    kinds = [
        (certificates.expired, "certificate-expired", None), (not_yet, unverified, "certificate is not yet valid"),
        (certificates.other_ca, unverified, "unable to get local issuer certificate"),
        (workshop.alice(usage="extendedKeyUsage=serverAuth\n"), unverified, "unsuitable certificate purpose"),
        (workshop.alice(digest="sha1"), unverified, "CA signature digest algorithm too weak"),
        (certificates.two_names, "certificate-name", None), (certificates.unknown, "principal-unknown", None),
        (certificates.disabled, "principal-disabled", None),
    ]  # fmt: skip
    for count, (identity, cause, reason) in enumerate(kinds, start=1):
        assert outcome(house, identity)[0] == "UNAUTHENTICATED"
        eventually(lambda: len(refusals(house)) == count)
        line = refusals(house)[-1]
        assert (line["cause"], line.get("reason")) == (cause, reason), line
        serial = openssl("x509", "-in", identity.certificate, "-noout", "-serial").strip().partition("=")[2]
        assert line["certificate"] == serial and line["remote"].startswith("127.0.0.1:")
        assert set(line) <= {"cause", "reason", "certificate", "remote", "request_id"}
    assert outcome(house, None)[0] == "UNAUTHENTICATED"
    assert outcome(house, certificates.alice) == "answered"
    house.daemon.wait_for_log('"principal":"alice","remote":')
    assert len(refusals(house)) == len(kinds), "nobody else had one refused"
    calls = {line["metadata"]["request_id"] for line in house.daemon.log_lines() if line["message"] == "call"}
    assert {line["request_id"] for line in refusals(house)} <= calls


def test_good_certificates_of_every_kind_are_let_in(house, workshop):
    """The counterpart: what is refused above is refused for what the test says."""
    intermediate = workshop.make(AUTHORITY)
    permitted = workshop.make(AUTHORITY + f"nameConstraints=critical,permitted;URI:{TRUST_DOMAIN}\n")
    chain = workshop.chain(3)
    kinds = {
        "P-384": workshop.alice(key="P-384"), "RSA-2048": workshop.alice(key="RSA-2048", digest="sha384"),
        "no extended usage": workshop.alice(usage=""), "both usages": workshop.alice(usage="extendedKeyUsage=clientAuth,serverAuth\n"),
        "intermediate": workshop.alice(by=intermediate, chain=[intermediate]),
        "name constraints": workshop.alice(by=permitted, chain=[permitted]),
        "chain of 3": workshop.alice(by=chain[0], chain=chain),
        "a host name beside the URI": workshop.leaf("DNS:alice.test", f"URI:{principal_uri('A', 'alice')}"),
    }  # fmt: skip
    assert {name: outcome(house, identity) for name, identity in kinds.items()} == dict.fromkeys(kinds, "answered")


# MARK: Issuing authorities without their root


def issuing_authority(folder, root, *validity):
    """An authority under another one, that issues and revokes as any."""
    issuing = Authority(folder, folder.name)
    request, extensions = folder / "issuing.csr", folder / "issuing.ext"
    openssl("req", "-new", "-key", folder / "ca.key", "-subj", f"/CN={folder.name}", "-out", request)
    extensions.write_text(AUTHORITY)
    openssl(
        "ca", "-batch", "-notext", "-config", root.folder / "openssl.cnf", "-in", request, "-out", issuing.certificate,
        "-extfile", extensions, *validity,
    )  # fmt: skip
    return issuing


def bundle(path, *files):
    path.write_bytes(b"".join(file.read_bytes() for file in files))
    return path


def with_chain(identity, *authorities):
    for authority in authorities:
        with open(identity.certificate, "ab") as file:
            file.write(authority.certificate.read_bytes())
    return identity


def lone(house):
    return [line for line in house.daemon.log_lines() if line["message"] == "a client authority without its root"]


def checked(certificates, *options):
    files = ("--tls-cert", certificates.server.certificate, "--tls-key", certificates.server.key)
    return run_insightsd("check-config", *files, *options)


def test_an_issuing_authority_alone_is_an_end_of_chains(new_house, certificates, tmp_path):
    """Of its root nothing else is trusted, and the start says so; the roots beside it are what they were."""
    main, root = certificates.authority, Authority(tmp_path / "root", "corporate root")
    issuing, sibling = issuing_authority(tmp_path / "issuing", root), issuing_authority(tmp_path / "sibling", root)
    ours = issuing.principal("A", "alice")
    kinds = {
        "issued": (ours, "answered"), "with its chain": (with_chain(issuing.principal("A", "alice", "a2"), issuing, root), "answered"),
        "by the other root": (certificates.alice, "answered"), "by its own root": (root.principal("A", "alice"), INVALID),
        "by a sibling": (with_chain(sibling.principal("A", "alice"), sibling), INVALID),
        "by a sibling with the root": (with_chain(sibling.principal("A", "alice", "a3"), sibling, root), INVALID),
        "ended": (issuing.principal("A", "alice", "a4", expired=True), ("UNAUTHENTICATED", "CREDENTIAL_EXPIRED")),
    }  # fmt: skip
    both = bundle(tmp_path / "both.pem", issuing.certificate, main.certificate)
    house = new_house("--client-ca", both).start().register()
    assert {name: outcome(house, identity) for name, (identity, _) in kinds.items()} == {
        name: expected for name, (_, expected) in kinds.items()
    }
    (line,) = lone(house)
    assert line["level"] == "warning" and "CN=issuing" in line["metadata"]["reason"] and str(both) in line["metadata"]["reason"]
    # Alone it is all that is trusted; with its root beside it nothing is to be said.
    bundle(both, issuing.certificate)
    eventually(lambda: outcome(house, certificates.alice) == INVALID)
    assert outcome(house, ours) == "answered" and len(lone(house)) == 2
    bundle(both, issuing.certificate, root.certificate)
    eventually(lambda: outcome(house, kinds["by its own root"][0]) == "answered")
    assert outcome(house, ours) == "answered" and len(lone(house)) == 2
    for files, notes in (((issuing,), 1), ((issuing, sibling), 2), ((issuing, root), 0), ((main,), 0)):
        done = checked(certificates, "--client-ca", bundle(tmp_path / "checked.pem", *(file.certificate for file in files)))
        assert (done.returncode, done.stdout.count("note: ")) == (0, notes)
    leaf = checked(certificates, "--client-ca", ours.certificate)
    assert leaf.returncode == 0 and "is no authority" in leaf.stdout
    assert checked(certificates, "--client-ca", certificates.server.key).returncode == 1


def test_an_issuing_authority_alone_ends_and_revokes(new_house, certificates, tmp_path):
    main, root = certificates.authority, Authority(tmp_path / "root", "corporate root")
    issuing = issuing_authority(tmp_path / "issuing", root)
    ended = issuing_authority(tmp_path / "ended", root, "-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
    good, revoked = issuing.principal("A", "alice"), issuing.principal("A", "alice", "revoked")
    issuing.revoke(revoked)
    lists = [authority.revocation_list(tmp_path / f"{name}.crl") for name, authority in (("main", main), ("issuing", issuing))]
    crl = bundle(tmp_path / "lists.pem", *lists)
    file = bundle(tmp_path / "authorities.pem", issuing.certificate, main.certificate)
    house = new_house("--client-ca", file, "--crl", crl).start().register()
    assert (outcome(house, good), outcome(house, revoked)) == ("answered", INVALID)
    # The root's list, whoever it names, cannot be proven without the root.
    bundle(crl, *lists, root.revocation_list(tmp_path / "root.crl"))
    house.daemon.wait_for_log("TLS files read again")
    assert (outcome(house, good), outcome(house, revoked)) == ("answered", INVALID)
    # Without the authority's own list nobody of its is let in.
    bundle(crl, lists[0])
    eventually(lambda: outcome(house, good) == INVALID)
    bundle(crl, *lists, ended.revocation_list(tmp_path / "ended.crl"))
    bundle(file, issuing.certificate, ended.certificate, main.certificate)
    eventually(lambda: outcome(house, good) == "answered")
    late = ended.principal("A", "alice")
    eventually(lambda: outcome(house, late) == INVALID and refusals(house)[-1].get("reason") == "certificate has expired")


def test_a_key_that_is_not_the_certificates_proves_nothing(house, certificates):
    """The certificate is public; who does not hold its key does not get through the handshake."""
    mixed = subprocess.run(
        ["openssl", "s_client", "-connect", house.daemon.address, "-alpn", "h2", "-cert", certificates.alice.certificate,
         "-key", certificates.bob.key],
        input=b"", capture_output=True, timeout=20,
    )  # fmt: skip
    assert mixed.returncode != 0


# MARK: Sessions and versions


def s_client(house, *options, identity=None, text=b""):
    certificate = ["-cert", identity.certificate, "-key", identity.key] if identity else []
    command = ["openssl", "s_client", "-connect", house.daemon.address, "-alpn", "h2", *certificate, *options]
    done = subprocess.run(list(map(str, command)), input=text, capture_output=True, timeout=20)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


@pytest.fixture(scope="module")
def older(api, certificates, tmp_path_factory):
    """A server that takes TLS 1.2."""
    house = House(api, certificates, tmp_path_factory.mktemp("older"), "--tls-minimum", "1.2").start().register()
    yield house
    house.close()


WEAK = ["-cipher", "ALL:@SECLEVEL=0"]


def test_versions(house, older, certificates):
    for server, taken in ((house, {"-tls1_3"}), (older, {"-tls1_2", "-tls1_3"})):
        for option in ("-tls1", "-tls1_1", "-tls1_2", "-tls1_3"):
            code, text = s_client(server, option, *WEAK, identity=certificates.alice)
            established = "Cipher is (NONE)" not in text and code == 0
            assert established == (option in taken), (option, text[-500:])
    assert outcome(older, certificates.alice, ssl.TLSVersion.TLSv1_2) == "answered"
    assert outcome(older, certificates.expired, ssl.TLSVersion.TLSv1_2) == ("UNAUTHENTICATED", "CREDENTIAL_EXPIRED")


@pytest.mark.parametrize("options", [
    ("-groups", "ffdhe2048"), ("-groups", "P-521"), ("-ciphersuites", "TLS_AES_128_CCM_8_SHA256"),
])  # fmt: skip
def test_weak_or_unusual_choices_are_refused(house, options):
    code, text = s_client(house, "-tls1_3", *options)
    assert code != 0 and "Cipher is (NONE)" in text


@pytest.mark.parametrize("cipher", ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256", "NULL"])
def test_weak_ciphers_of_tls_1_2_are_refused(older, cipher):
    code, text = s_client(older, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
    assert code != 0 and "Cipher is (NONE)" in text


def test_no_session_is_given_out(house, older, certificates, tmp_path):
    for server, version in ((house, "-tls1_3"), (older, "-tls1_2"), (older, "-tls1_3")):
        session = tmp_path / f"session{version}"
        _, text = s_client(server, version, "-sess_out", session, identity=certificates.alice)
        assert "TLS session ticket:" not in text
        if not session.exists():
            continue
        # What the client kept of a session without ticket and id is of no use to it.
        code, text = s_client(server, version, "-sess_in", session, identity=certificates.alice)
        assert "Reused, " not in text and ("New, " in text or code != 0), text[:500]
        code, text = s_client(server, version, "-sess_in", session, "-early_data", certificates.alice.certificate)
        assert "Early data was accepted" not in text and "Reused, " not in text


def test_no_renegotiation(older, certificates):
    code, text = s_client(older, "-tls1_2", identity=certificates.alice, text=b"R\n")
    assert "RENEGOTIATING" in text
    assert code != 0 or "no renegotiation" in text


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
def test_a_session_is_of_no_use_after_revocation(api, tmp_path, version):
    """The handshake of a revoked certificate cannot be skipped by an older session, and its open connection is refused
    on the next call."""
    own = Certificates(tmp_path / "own")
    crl = tmp_path / "revoked.pem"
    own.authority.write_revocations(crl)
    house = House(api, own, tmp_path / "house", "--crl", crl, "--tls-minimum", "1.2").start().register()
    try:
        context = lenient(own.authority, own.bob, version)
        first = Frames(house.daemon.address, context)
        assert first.request(WHO_AM_I, b"\0\0\0\0\0").grpc_status == 0
        session = first.socket.session
        own.authority.revoke(own.bob)
        own.authority.write_revocations(crl)
        eventually(lambda: first.request(WHO_AM_I, b"\0\0\0\0\0").grpc_status == 16)
        for _ in range(5):
            plain = socket.create_connection(house.daemon.address.split(":"), timeout=10)
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as again:
                assert not again.session_reused
        assert outcome(house, own.bob, version) == INVALID
        assert {line["reason"] for line in refusals(house)} == {"certificate revoked"}
        assert outcome(house, own.alice, version) == "answered"
        first.socket.close()
    finally:
        house.close()
