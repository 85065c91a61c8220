"""Google Cloud KMS (REST) and a token endpoint on loopback, until standard input ends. Prints one line of JSON: where it is, and credentials.

Two ports with the same keys: plain, and over TLS, as an address of gRPC would be given. The signatures of a service account's tokens, and the
checksums of what is sent, are checked.

usage: gcp.py CERTIFICATE KEY [PORT TLS_PORT]
"""
import base64
import json
import os
import re
import secrets
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

RING, EMAIL = "projects/p/locations/global/keyRings/r/cryptoKeys/", "sops@p.iam.gserviceaccount.com"
KEYS = {RING + "k": os.urandom(32)}
TOKENS = {"static": time.time() + 1e9}
PRIVATE = rsa.generate_private_key(65537, 2048)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(text):
    head, body, signature = text.split(".")
    PRIVATE.public_key().verify(unb64(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return json.loads(unb64(body))


def known(authorization):
    token = authorization.removeprefix("Bearer ")
    if TOKENS.get(token, 0) > time.time():
        return True
    # A service account may sign its own tokens.
    try:
        said = claims(token)
        return said["iss"] == said["sub"] == EMAIL and said["exp"] > time.time() and "scope" in said
    except (ValueError, KeyError, InvalidSignature):
        return False


class Refused(Exception):
    pass


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.split("?")[0]
        if path == "/token":
            return self.token({name: values[0] for name, values in parse_qs(body.decode()).items()} or json.loads(body or b"{}"))
        try:
            self.answer(200, self.work(path, body))
        except Refused as refused:
            status, name, message = refused.args
            self.answer(status, {"error": {"code": status, "message": message, "status": name}})

    def token(self, form):
        try:
            if form["grant_type"] == "refresh_token":
                assert (form["client_id"], form["client_secret"], form["refresh_token"]) == ("id", "secret", "refresh")
            else:
                said = claims(form["assertion"])
                assert said["iss"] == EMAIL and said["exp"] > time.time() and "scope" in said
        except (AssertionError, KeyError, ValueError, InvalidSignature):
            return self.answer(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
        made = secrets.token_urlsafe(16)
        TOKENS[made] = time.time() + 3600
        self.answer(200, {"access_token": made, "expires_in": 3600, "token_type": "Bearer"})

    def work(self, path, body):
        if not known(self.headers.get("Authorization", "")):
            raise Refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        found = re.fullmatch(r"/v1/(projects/.+):(encrypt|decrypt)", path)
        if not found:
            raise Refused(404, "NOT_FOUND", "there is nothing here")
        name, verb = found.groups()
        if name == RING + "disabled":
            raise Refused(400, "FAILED_PRECONDITION", f"{name}/cryptoKeyVersions/1 is not enabled, current state is: DISABLED.")
        if name == RING + "forbidden":
            permission = f"Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied on resource '{name}' (or it may not exist)."
            raise Refused(403, "PERMISSION_DENIED", permission)
        if name not in KEYS:
            raise Refused(404, "NOT_FOUND", f"CryptoKey {name} not found.")
        request, cipher = json.loads(body), AESGCM(KEYS[name])
        field = "plaintext" if verb == "encrypt" else "ciphertext"
        sent = base64.b64decode(request[field])
        sum_sent = request.get(field + "Crc32c")
        if sum_sent is not None and int(sum_sent) != crc32c(sent):
            raise Refused(400, "INVALID_ARGUMENT", f"The checksum in field {field}_crc32c did not match the data in field {field}.")
        if verb == "encrypt":
            nonce = os.urandom(12)
            sealed = b"\n$" + nonce + cipher.encrypt(nonce, sent, None)
            made = {"name": name + "/cryptoKeyVersions/1", "ciphertext": base64.b64encode(sealed).decode()}
            return {**made, "ciphertextCrc32c": str(crc32c(sealed)), "verifiedPlaintextCrc32c": sum_sent is not None}
        try:
            plain = cipher.decrypt(sent[2:14], sent[14:], None)
        except (InvalidTag, ValueError):
            raise Refused(400, "INVALID_ARGUMENT", "Decryption failed: verify that 'name' refers to the correct CryptoKey.") from None
        return {"plaintext": base64.b64encode(plain).decode(), "plaintextCrc32c": str(crc32c(plain)), "usedPrimary": True}


def serve(port, context=None):
    server = ThreadingHTTPServer(("127.0.0.1", port), Service)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain(sys.argv[1], sys.argv[2])
ports = [int(port) for port in sys.argv[3:5]] or [0, 0]
plain_port, tls_port = serve(ports[0]), serve(ports[1], tls)
pem = PRIVATE.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
account = {
    "type": "service_account",
    "project_id": "p",
    "private_key_id": "kid",
    "client_id": "1",
    "client_email": EMAIL,
    "token_uri": f"http://127.0.0.1:{plain_port}/token",
    "private_key": pem,
}
user = {
    "type": "authorized_user",
    "client_id": "id",
    "client_secret": "secret",
    "refresh_token": "refresh",
    "token_uri": f"http://127.0.0.1:{plain_port}/token",
}
facts = {
    "url": f"http://127.0.0.1:{plain_port}",
    "host": f"127.0.0.1:{tls_port}",
    "key": RING + "k",
    "ring": RING,
    "service_account": json.dumps(account),
    "authorized_user": json.dumps(user),
}
print(json.dumps(facts), flush=True)
sys.stdin.read()
