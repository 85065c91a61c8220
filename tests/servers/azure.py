"""Azure Key Vault (keys), Entra ID and a managed identity on loopback, until standard input ends. Prints one line of JSON: where it is.

One port does it all: as a proxy (CONNECT) it is every host of Azure over TLS, plain it is the managed identity. Tokens are random, for one
audience, and checked; so are the vault's challenge, the client secret, the federated token and the signature of a client certificate.

usage: azure.py CERTIFICATE KEY CLIENT_CERTIFICATE [PORT]
"""
import base64
import hashlib
import json
import secrets
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

TENANT, CLIENT, SECRET, HEADER = "11111111-1111-1111-1111-111111111111", "client", "secret", "msi-secret"
LOGIN, VAULT, RESOURCE = "login.microsoftonline.com", "leafseal.vault.azure.net", "https://vault.azure.net"
TLS = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
TLS.load_cert_chain(sys.argv[1], sys.argv[2])
CERTIFICATE = x509.load_pem_x509_certificate(open(sys.argv[3], "rb").read())
PADDING = {
    "RSA-OAEP-256": padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None),
    "RSA-OAEP": padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None),
}
# Versions of a key, the current one last.
KEYS = {"sops": {"0" * 32: rsa.generate_private_key(65537, 2048), "1" * 32: rsa.generate_private_key(65537, 2048)}}
TOKENS = {}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def token(audience):
    made = secrets.token_urlsafe(24)
    TOKENS[made] = (audience.rstrip("/"), time.time() + 3600)
    return made


def assertion_is_good(text):
    """A federated token, or a text that the client's certificate signed."""
    if text == "federated-token":
        return True
    try:
        head, claims, signature = text.split(".")
        head_, claims_ = json.loads(unb64(head)), json.loads(unb64(claims))
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        scheme = pss if head_["alg"] == "PS256" else padding.PKCS1v15()
        CERTIFICATE.public_key().verify(unb64(signature), f"{head}.{claims}".encode(), scheme, hashes.SHA256())
        der = CERTIFICATE.public_bytes(Encoding.DER)
        known = head_.get("x5t#S256") == b64(hashlib.sha256(der).digest()) or "x5t" in head_
        sound = claims_["iss"] == claims_["sub"] == CLIENT and claims_["aud"].endswith(f"/{TENANT}/oauth2/v2.0/token")
        return known and sound and claims_["nbf"] <= time.time() + 60 and claims_["exp"] > time.time()
    except (ValueError, KeyError, InvalidSignature):
        return False


class Azure(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_CONNECT(self):
        self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        self.wfile.flush()
        try:
            self.connection = TLS.wrap_socket(self.connection, server_side=True)
        except OSError:
            self.close_connection = True
            return
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False
        while not self.close_connection:
            self.handle_one_request()
        self.connection.close()

    def answer(self, status, body, **headers):
        body = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def error(self, status, code, message, **headers):
        self.answer(status, {"error": {"code": code, "message": message}}, **headers)

    def do(self):
        url, host = urlparse(self.path), self.headers.get("Host", "")
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if url.path == "/msi/token":
            if self.headers.get("X-IDENTITY-HEADER") != HEADER:
                return self.error(401, "unauthorized", "bad identity header")
            expires = str(int(time.time()) + 3600)
            made = {"access_token": token(query["resource"]), "expires_on": expires, "resource": query["resource"], "token_type": "Bearer"}
            return self.answer(200, made)
        if host == LOGIN:
            return self.login(url, body)
        if host == VAULT:
            return self.vault(url, query, body)
        self.error(404, "NotFound", "no such host")

    def login(self, url, body):
        base = f"https://{LOGIN}/{TENANT}"
        if url.path == "/common/discovery/instance":
            metadata = [{"preferred_network": LOGIN, "preferred_cache": LOGIN, "aliases": [LOGIN]}]
            tenant = f"{base}/v2.0/.well-known/openid-configuration"
            return self.answer(200, {"tenant_discovery_endpoint": tenant, "api-version": "1.1", "metadata": metadata})
        if url.path.endswith("/v2.0/.well-known/openid-configuration"):
            ends = {"token_endpoint": f"{base}/oauth2/v2.0/token", "authorization_endpoint": f"{base}/oauth2/v2.0/authorize"}
            return self.answer(200, {**ends, "issuer": f"{base}/v2.0"})
        if url.path != f"/{TENANT}/oauth2/v2.0/token":
            return self.answer(400, {"error": "invalid_request", "error_description": "AADSTS90002: Tenant not found."})
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if "client_assertion" in form:
            good = assertion_is_good(form["client_assertion"]) and form.get("client_id") == CLIENT
        else:
            good = (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        if not good:
            said = "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 0"
            return self.answer(401, {"error": "invalid_client", "error_description": said, "error_codes": [7000215]})
        scope = next(scope for scope in form["scope"].split() if scope.endswith("/.default"))
        self.answer(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": token(scope[: -len("/.default")])})

    def vault(self, url, query, body):
        challenge = {"WWW_Authenticate": f'Bearer authorization="https://{LOGIN}/{TENANT}", resource="{RESOURCE}"'}
        given = self.headers.get("Authorization", "")
        if not given.startswith("Bearer "):
            if body:
                return self.error(400, "BadParameter", "a body came before the token")
            return self.error(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.", **challenge)
        audience, expires = TOKENS.get(given[7:], (None, 0))
        if audience != RESOURCE or expires < time.time():
            return self.error(401, "Unauthorized", "AKV10022: Invalid audience.", **challenge)
        if "api-version" not in query:
            return self.error(400, "BadParameter", "api-version is required")
        kind, name, *rest = url.path.strip("/").split("/")
        if kind != "keys" or name not in ("sops", "disabled", "forbidden"):
            return self.error(404, "KeyNotFound", f"A key with (name/id) {name} was not found in this key vault.")
        if name == "disabled":
            return self.error(403, "Forbidden", "Operation decrypt is not allowed on a disabled key.")
        if name == "forbidden":
            return self.error(403, "Forbidden", "The user does not have keys decrypt permission on key vault 'leafseal'.")
        version = rest[0] if rest and rest[0] not in ("encrypt", "decrypt") else list(KEYS[name])[-1]
        if version not in KEYS[name]:
            return self.error(404, "KeyNotFound", f"A key with (name/id) {name}/{version} was not found in this key vault.")
        key, kid = KEYS[name][version], f"https://{VAULT}/keys/{name}/{version}"
        if self.command == "GET":
            numbers = key.public_key().public_numbers()
            public = {"n": b64(numbers.n.to_bytes(256, "big")), "e": b64(numbers.e.to_bytes(3, "big"))}
            return self.answer(200, {"key": {"kid": kid, "kty": "RSA", **public}, "attributes": {"enabled": True}})
        request = json.loads(body)
        pad, value = PADDING.get(request.get("alg")), unb64(request.get("value", ""))
        if pad is None:
            return self.error(400, "BadParameter", "Key and signing key algorithm are incompatible")
        try:
            out = key.public_key().encrypt(value, pad) if rest[-1] == "encrypt" else key.decrypt(value, pad)
        except ValueError:
            return self.error(400, "BadParameter", "The parameter is incorrect.")
        self.answer(200, {"kid": kid, "value": b64(out)})

    do_GET = do_POST = do


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[4]) if len(sys.argv) > 4 else 0), Azure)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
facts = {
    "url": f"http://127.0.0.1:{server.server_port}",
    "key": f"https://{VAULT}/keys/sops",
    "first": "0" * 32,
    "current": "1" * 32,
    "tenant": TENANT,
}
print(json.dumps(facts), flush=True)
sys.stdin.read()
