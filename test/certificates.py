"""certificates: authorities and what they issue, by the command `openssl`, with keys that are quick to make."""
import base64
import dataclasses
import datetime
import hashlib
import os
import ssl
import subprocess

LOCALHOST = "DNS:localhost,IP:127.0.0.1,IP:::1"
DAY = datetime.timedelta(days=1)
EC = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
RSA = ["rsa:2048"]

# For `openssl req`, which wants a file of its own, and for `openssl ca`, which alone takes dates.
CONFIGURATION = """
[req]
distinguished_name = name
[name]
[ca]
default_ca = own
[own]
database = {0}/index.txt
new_certs_dir = {0}
default_md = sha256
rand_serial = yes
unique_subject = no
policy = any
[any]
commonName = supplied
"""


def openssl(*arguments, **options):
    """Runs it; what it prints. Raises with what it says where it fails."""
    ended = subprocess.run(["openssl", *arguments], capture_output=True, check=False, **options)
    if ended.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {ended.stderr.decode()}")
    return ended.stdout


@dataclasses.dataclass(frozen=True)
class Files:
    """A certificate, with those behind it that stand between it and a root, and its key: the paths of files in PEM."""

    certificate: str
    key: str

    def text(self):
        with open(self.certificate, encoding="ascii") as file:
            return file.read()

    def der(self):
        """The certificate alone, as `ssl.SSLSocket.getpeercert(True)` has it."""
        return ssl.PEM_cert_to_DER_cert(self.text().partition("-----END")[0] + ssl.PEM_FOOTER)

    def public_key(self):
        """Its public key in DER (SubjectPublicKeyInfo)."""
        return openssl("pkey", "-in", self.key, "-pubout", "-outform", "DER")

    def pin(self):
        """Its public key as `--pinnedpubkey` takes it."""
        return "sha256//" + base64.b64encode(hashlib.sha256(self.public_key()).digest()).decode()

    def combined(self):
        """The path of a file with the certificate and the key."""
        path = self.certificate + ".combined"
        with open(path, "w", encoding="ascii") as file, open(self.key, encoding="ascii") as key:
            file.write(self.text() + key.read())
        return path


def _files(folder, name):
    return Files(os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key"))


def _configuration(folder):
    path = os.path.join(folder, "openssl.cnf")
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(folder))
        with open(os.path.join(folder, "index.txt"), "w", encoding="ascii"):
            pass
    return path


def self_signed(folder, name, *extensions, key=EC):
    """A certificate of this common name that nobody has issued, and the name of its files."""
    made = _files(folder, name)
    added = [word for each in extensions for word in ("-addext", each)]
    openssl("req", "-x509", "-config", _configuration(folder), "-newkey", *key, "-noenc", "-subj", "/CN=" + name,
            "-addext", "subjectKeyIdentifier=hash", *added, "-days", "2", "-keyout", made.key, "-out", made.certificate)
    return made


class Authority:
    """An authority with its files in a folder, self-signed or issued by another one."""

    OWN = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")

    def __init__(self, folder, name="portico test CA", parent=None, key=EC):
        self.folder = folder
        self.parent = parent
        self.files = parent.sign(name, self.OWN, key=key) if parent else self_signed(folder, name, *self.OWN, key=key)
        self.file = self.files.certificate  # what those trust who trust it

    def issue(self, name, names=LOCALHOST, usage="serverAuth", **more):
        """A certificate for these subject alternative names, in the notation of x509v3_config(5)."""
        return self.sign(name, ("basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature",
                                "extendedKeyUsage=" + usage, "subjectAltName=" + names), **more)

    def expired(self, name="expired", **more):
        """One that has expired on 2025-01-01."""
        return self.issue(name, begin=datetime.datetime(2024, 1, 1), end=datetime.datetime(2025, 1, 1), **more)

    def sign(self, name, extensions, begin=None, end=None, key=EC):
        """A certificate with these extensions, of this common name; `begin` and `end` are in UTC."""
        made = _files(self.folder, name)
        now = datetime.datetime.now(datetime.timezone.utc)
        dates = [each.strftime("%Y%m%d%H%M%SZ") for each in (begin or now - DAY, end or now + DAY)]
        request, added = made.certificate + ".request", made.certificate + ".extensions"
        with open(added, "w", encoding="utf-8") as file:
            file.write("\n".join([*extensions, "subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid", ""]))
        configuration = _configuration(self.folder)
        openssl("req", "-config", configuration, "-newkey", *key, "-noenc", "-subj", "/CN=" + name,
                "-keyout", made.key, "-out", request)
        openssl("ca", "-batch", "-notext", "-config", configuration, "-cert", self.files.certificate,
                "-keyfile", self.files.key, "-startdate", dates[0], "-enddate", dates[1], "-extfile", added,
                "-in", request, "-out", made.certificate)
        with open(made.certificate, "a", encoding="ascii") as file:
            file.write(self._chain())
        return made

    def _chain(self):
        """What stands behind a certificate that it has issued: itself, unless it is a root."""
        return self.files.text() if self.parent else ""
