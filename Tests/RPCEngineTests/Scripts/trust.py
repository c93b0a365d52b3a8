"""TLS and client certificates: what is refused in the handshake, what is told to the layer above, reload and expiry."""
import datetime
import shutil
import subprocess
import tempfile

from harness import *

PEER = "/probe.Probe/Peer"


def peer(raw):
    """What the server thinks of this connection's certificate: verdict, revision, generation, subject, names, facts."""
    stream = raw.call(PEER, framed(b""))
    equal(raw.status(stream)[0], 0, "status of the probe")
    return raw.answers[stream]["data"][5:].decode().split("|")


def client_certificates():
    expected = {
        "good": "trusted", "two": "trusted", "late": "trusted", "expired": "expired",
        "revoked": "failed certificate revoked",
        "stranger": "failed unable to get local issuer certificate",
        "wrongeku": "failed unsuitable certificate purpose", "bynoca": "failed invalid CA certificate"}
    with Server(crl="revoked.crl") as server:
        for name, verdict in expected.items():
            found = peer(Raw(server, tls_context(client=name)))
            check(found[0].startswith(verdict), f"{name}: {found}")
            equal(found[3], "CN=" + name, "subject")
            check(f"spiffe://insights.local/partner/p1/principal/{'a' if name == 'two' else name}" in found[4], found[4])
            equal(found[5:], ["true", "32", "true"], "serial, fingerprint, DER")
        equal(peer(Raw(server)), ["none"], "no certificate")
        # The same with grpcio, as a client that chooses by the list of authorities.
        equal(unary(server.channel("good"), "Peer")(b"", timeout=5).split(b"|")[0], b"trusted", "grpcio, good")
        equal(unary(server.channel(), "Peer")(b"", timeout=5), b"none", "grpcio without certificate")
    with Server(ca=None) as server:
        equal(peer(Raw(server, tls_context(client="good"))), ["none"], "no authority configured, none asked")
    with Server() as server:
        check(peer(Raw(server, tls_context(client="revoked")))[0] == "trusted", "revoked counts only with a list")


def reload():
    folder = tempfile.mkdtemp()
    for name in ("ca.pem", "server.pem", "server.key"):
        shutil.copy(cert(name), folder)
    shutil.copy(cert("revoked.crl"), folder + "/now.crl")
    with Server("--ca", folder + "/ca.pem", "--crl", folder + "/now.crl", ca=None) as server:
        good, late = Raw(server, tls_context(client="good")), Raw(server, tls_context(client="late"))
        equal([peer(good)[:3], peer(late)[:3]], [["trusted", "1", "1"]] * 2, "before")
        # A list that revokes `late`: its open connection is refused from the next call on.
        shutil.copy(cert("late.crl"), folder + "/now.crl")
        equal(server.ask("reload"), "reloaded 2", "reload")
        equal(peer(late)[:3], ["failed certificate revoked", "2", "2"], "revoked on the open connection")
        equal(peer(good)[:3], ["trusted", "2", "2"], "good on the open connection")
        equal(peer(Raw(server, tls_context(client="late")))[0], "failed certificate revoked", "new connection")
        # A file that cannot be read changes nothing.
        for broken in (b"", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"):
            with open(folder + "/now.crl", "wb") as file:
                file.write(broken)
            check(server.ask("reload").startswith("failed"), "a broken list was taken")
        equal(peer(good)[:3], ["trusted", "2", "2"], "after a failed reload")
        # Another authority.
        shutil.copy(cert("late.crl"), folder + "/now.crl")
        shutil.copy(cert("other.pem"), folder + "/ca.pem")
        equal(server.ask("reload"), "reloaded 3", "reload")
        check(peer(good)[0].startswith("failed"), "the old authority still counts")
        # No list for this authority: it cannot be checked, so it is refused.
        found = peer(Raw(server, tls_context(client="stranger")))
        check(found[0] == "failed unable to get certificate CRL", f"authority without list: {found}")
    shutil.rmtree(folder)


def expiry():
    """A certificate that expires while its connection is open."""
    folder = tempfile.mkdtemp()
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
    with open(folder + "/ca.cnf", "w") as file:
        file.write("[ca]\ndefault_ca=d\n[d]\ndatabase=i\nserial=s\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n"
                   "[p]\ncommonName=supplied\n[dn]\n[req]\ndistinguished_name=dn\n")
    open(folder + "/i", "w").close()
    with open(folder + "/s", "w") as file:
        file.write("88000000\n")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "brief.key")
    openssl("req", "-new", "-config", "ca.cnf", "-key", "brief.key", "-subj", "/CN=brief", "-out", "brief.csr")
    openssl("ca", "-batch", "-config", "ca.cnf", "-cert", cert("ca.pem"), "-keyfile", cert("ca.key"), "-in",
            "brief.csr", "-out", "brief.pem", "-notext", "-startdate", "20200101000000Z", "-enddate",
            end.strftime("%Y%m%d%H%M%SZ"))
    context = tls_context()
    context.load_cert_chain(folder + "/brief.pem", folder + "/brief.key")
    with Server() as server:
        raw = Raw(server, context)
        equal(peer(raw)[0], "trusted", "before its end")
        limit = time.time() + 8
        while peer(raw)[0] == "trusted":
            check(time.time() < limit, "still trusted after its end")
            time.sleep(0.2)
        check(datetime.datetime.now(datetime.timezone.utc) >= end.replace(microsecond=0), "refused before its end")
        equal(peer(raw)[0], "expired", "after its end")
    shutil.rmtree(folder)


def handshakes():
    with Server() as server:
        def refused(context, what):
            try:
                Raw(server, context)
            except (ssl.SSLError, ConnectionError):
                return
            raise AssertionError(what + " was accepted")
        refused(tls_context(alpn=None), "no ALPN")
        refused(tls_context(alpn=["http/1.1"]), "HTTP/1.1")
        old = tls_context()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        refused(old, "TLS 1.2")
        both = Raw(server, tls_context(alpn=["http/1.1", "h2"]))
        equal((both.socket.version(), both.socket.selected_alpn_protocol()), ("TLSv1.3", "h2"), "chosen")
        # Plain text on the TLS port.
        for text in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes(100)):
            plain = socket.create_connection(("127.0.0.1", server.port))
            plain.sendall(text)
            plain.settimeout(5)
            try:
                while plain.recv(1000):
                    pass
            except ConnectionError:
                pass
            plain.close()
        # HTTP/1.1 inside TLS after h2 was agreed.
        raw = Raw(server, preface=False)
        raw.send_bytes(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        check(raw.wait_closed(), "HTTP/1.1 bytes were not refused")
        check(server.stats()["handshakesFailed"] >= 5, "failed handshakes are counted")
        equal(peer(both)[0], "none", "others go on")


def no_resumption():
    for options in ((), ("--tls12",)):
        with Server(*options) as server:
            context = tls_context(client="good")
            if options:
                context.maximum_version = ssl.TLSVersion.TLSv1_2
            first = Raw(server, context)
            equal(first.socket.version(), "TLSv1.2" if options else "TLSv1.3", "version")
            peer(first)
            session = first.socket.session
            if session is None:
                continue
            check(not session.has_ticket, "a ticket was sent")
            plain = socket.create_connection(("127.0.0.1", server.port))
            second = context.wrap_socket(plain, server_hostname="localhost", session=session)
            check(not second.session_reused, "the session was resumed")
            second.close()


run({name: value for name, value in list(globals().items()) if callable(value)})
