"""Key services, whole processes: how long wrapping for several keys of a slow service takes, and unwrapping with a service on loopback.

Called by scripts/bench --services. Vault's transit is a stand-in in this process, AWS KMS is moto where scripts/servers has installed it.
"""
import argparse
import base64
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

from bench import best, write

SLOW = 0.05


class Transit(http.server.BaseHTTPRequestHandler):
    """Wraps by turning bytes around; waits before it answers."""

    protocol_version = "HTTP/1.1"
    delay = 0.0

    def do_PUT(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        time.sleep(self.delay)
        turned = lambda text: base64.b64encode(base64.b64decode(text)[::-1]).decode()
        if "plaintext" in body:
            data = {"ciphertext": "vault:v1:" + turned(body["plaintext"])}
        else:
            data = {"plaintext": turned(body["ciphertext"].removeprefix("vault:v1:"))}
        answer = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT

    def setup(self):
        super().setup()
        # Otherwise the two parts of an answer wait for each other.
        self.wbufsize = -1
        self.wfile = self.connection.makefile("wb", -1)

    def log_message(self, *_):
        pass


def transit(delay):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("At", (Transit,), {"delay": delay}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/v1/transit/keys/k"


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--leafseal", required=True)
    args.add_argument("--reference", default=os.environ.get("LEAFSEAL_REFERENCE_SOPS"))
    args.add_argument("--write", action="store_true")
    args = args.parse_args()
    tools = [os.path.abspath(args.leafseal), *([args.reference] if args.reference else [])]
    lines = ["| work | leafseal | sops | sops / leafseal |", "|---|---|---|---|"]

    def row(work, measured, shown):
        ratio = f"**{measured[1][0] / measured[0][0]:.1f}**" if len(measured) > 1 else ""
        lines.append(f"| {work} | {shown(measured[0])} | {shown(measured[1]) if len(measured) > 1 else ''} | {ratio} |")

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        env = {"HOME": str(folder), "PATH": os.environ["PATH"], "VAULT_TOKEN": "t", "SOPS_DISABLE_VERSION_CHECK": "1"}
        plain = folder / "s.yaml"
        plain.write_text("a: 1\nb: two\n")
        time_and_memory = lambda result: f"{result[0] * 1000:.1f} ms, {result[1]:.0f} MB"

        slow = transit(SLOW)
        six = ",".join(slow + str(n) for n in range(6))
        one = [best([tool, "encrypt", "--hc-vault-transit", slow, str(plain)], env, 2) for tool in tools]
        several = [best([tool, "encrypt", "--hc-vault-transit", six, str(plain)], env, 3) for tool in tools]
        row("wrap for one key of a service that takes 50 ms", one, time_and_memory)
        row("wrap for six keys of it", several, time_and_memory)
        for name, single, many in zip(["leafseal", "sops"], one, several):
            lines.append(f"| six keys take as long as one, times ({name}) | {many[0] / single[0]:.2f} | | |")

        quick = transit(0.0)
        sealed = folder / "vault.yaml"
        sealed.write_bytes(subprocess.run([tools[0], "encrypt", "--hc-vault-transit", quick, str(plain)], env=env, check=True, stdout=subprocess.PIPE).stdout)
        row("decrypt with Vault on loopback", [best([tool, "decrypt", str(sealed)], env, 2) for tool in tools], time_and_memory)

        python = pathlib.Path("target/servers/bin/python3")
        if python.exists():
            moto = subprocess.Popen([python, "tests/servers/aws.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            facts = json.loads(moto.stdout.readline())
            env |= {"AWS_ENDPOINT_URL": facts["url"], "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
            sealed = folder / "aws.yaml"
            sealed.write_bytes(subprocess.run([tools[0], "encrypt", "--kms", facts["key"], str(plain)], env=env, check=True, stdout=subprocess.PIPE).stdout)
            row("decrypt with AWS KMS (moto) on loopback", [best([tool, "decrypt", str(sealed)], env, 3) for tool in tools], time_and_memory)
            moto.stdin.close()
            moto.wait()
        else:
            print("AWS KMS is left out: scripts/servers installs moto", file=sys.stderr)

    report = "\n".join(lines)
    print(report)
    if args.write:
        write("services", report)


if __name__ == "__main__":
    main()
