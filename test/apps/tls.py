# tls: what the tests of the programs share about TLS: the certificates, made once, and scripted servers.
import contextlib
import pathlib
import socket
import ssl
import sys
import tempfile
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import certificates
from programs import Case, read_all

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class Certified(Case):
    """A test with an authority, a server's certificate for localhost, and a client's."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.made = folder.name
        cls.authority = certificates.Authority(cls.made)
        cls.server = cls.authority.issue("server")
        cls.client = cls.authority.issue("client", names="email:user@portico.test", usage="clientAuth")


def server_context(files, authority=None, **settings):
    """As Python's servers have it, with what else is set in it; clients must show what the authority has issued."""
    context = _with(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), files, settings)
    if authority is not None:
        context.load_verify_locations(authority.file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(authority, files=None, **settings):
    """As Python's clients have it: who trusts this authority alone."""
    return _with(ssl.create_default_context(cafile=authority.file), files, settings)


def _with(context, files, settings):
    if files is not None:
        context.load_cert_chain(files.certificate, files.key)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of versions that are not safe
        for name, value in settings.items():
            setattr(context, name, value)
    return context


def encrypted(context, serve, ends_well=True):
    """For `raw_server`: the handshake, then `serve(connection)`; then close_notify, unless it does not end well. A
    client that is refused gets to read why."""
    def session(connection):
        with connection.dup() as clear, context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False,
                                                            do_handshake_on_connect=False) as stream:
            try:
                stream.do_handshake()
            except ssl.SSLError:
                clear.shutdown(socket.SHUT_WR)
                read_all(clear)
                return
            serve(stream)
            if ends_well:
                with contextlib.suppress(OSError):
                    stream.unwrap()
            else:
                stream.shutdown(socket.SHUT_RDWR)
    return session
