"""Huawei Cloud KMS (encrypt-data, decrypt-data) and IAM (projects) on loopback, until standard input ends. Prints one line of JSON: where it is.
The signatures of requests (SDK-HMAC-SHA256) are checked.

usage: huawei.py [PORT]      access key ak, secret key sk, project proj, key 11111111-2222-3333-4444-555555555555 (disabled: 2...)
"""
import base64
import hashlib
import hmac
import json
import os
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlparse

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ACCESS, SECRET, PROJECT = "ak", "sk", "proj"
KEY, DISABLED = "11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555"
KEYS = {KEY: os.urandom(32), DISABLED: None}
AUTHORIZATION = re.compile(r"SDK-HMAC-SHA256 Access=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]+)")


def escaped(text):
    return quote(text, safe="-_.~")


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

    def error(self, status, code, message):
        self.answer(status, {"error": {"error_code": code, "error_msg": message}})

    def signed(self, body):
        found = AUTHORIZATION.fullmatch(self.headers.get("Authorization", ""))
        if not found or found[1] != ACCESS:
            return False
        names = found[2].split(";")
        if "x-sdk-date" not in names:
            return False
        url = urlparse(self.path)
        path = "/".join(escaped(part) for part in url.path.split("/"))
        path += "" if path.endswith("/") else "/"
        pairs = sorted(parse_qsl(url.query, keep_blank_values=True))
        query = "&".join(f"{escaped(k)}={escaped(v)}" for k, v in pairs)
        lines = "".join(f"{name}:{(self.headers.get(name) or '').strip()}\n" for name in names)
        canonical = "\n".join([self.command, path, query, lines, found[2], hashlib.sha256(body).hexdigest()])
        text = f"SDK-HMAC-SHA256\n{self.headers['X-Sdk-Date']}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        return hmac.compare_digest(hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest(), found[3])

    def do(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.signed(body):
            message = "Incorrect IAM authentication information: verify aksk signature fail"
            return self.answer(401, {"error_code": "APIGW.0301", "error_msg": message, "request_id": "r"})
        if self.command == "GET" and self.path == "/v3/projects?name=tr-west-1":
            return self.answer(200, {"projects": [{"id": PROJECT, "name": "tr-west-1"}]})
        if self.command == "GET" and self.path.startswith("/v3/projects?"):
            return self.answer(200, {"projects": []})
        found = re.fullmatch(r"/v1\.0/([^/]+)/kms/(encrypt|decrypt)-data", self.path)
        if not found or found[1] != PROJECT:
            return self.error(404, "APIGW.0101", "The API does not exist or has not been published in the environment")
        request = json.loads(body)
        if request.get("encryption_algorithm", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
            return self.error(400, "KMS.0205", "Invalid algorithm")
        name = request.get("key_id")
        if name == DISABLED:
            return self.error(400, "KMS.1102", "The key is disabled.")
        if name not in KEYS:
            return self.error(404, "KMS.0402", "The key does not exist.")
        cipher = AESGCM(KEYS[name])
        if found[2] == "encrypt":
            nonce = os.urandom(12)
            sealed = nonce + cipher.encrypt(nonce, base64.b64decode(request["plain_text"]), None)
            return self.answer(200, {"key_id": name, "cipher_text": base64.b64encode(name.encode() + sealed).decode()})
        sealed = base64.b64decode(request["cipher_text"])[36:]
        try:
            plain = cipher.decrypt(sealed[:12], sealed[12:], None)
        except (InvalidTag, ValueError):
            return self.error(400, "KMS.0401", "Decrypt failed.")
        plain = base64.b64encode(plain).decode()
        self.answer(200, {"key_id": name, "plain_text": plain, "plain_text_base64": plain})

    do_GET = do_POST = do


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}", "key": f"tr-west-1:{KEY}", "disabled": f"tr-west-1:{DISABLED}"}), flush=True)
sys.stdin.read()
