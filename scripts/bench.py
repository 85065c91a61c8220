"""Whole-process benchmarks: time (best of several runs) and peak memory of leafseal beside the reference, in one run.

Called by scripts/bench. Makes its inputs and an age key in a temporary folder; writes nothing elsewhere unless --write.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time


def run(cmd, env, stdin=os.devnull):
    """Runs a command once with its output thrown away: seconds."""
    with open(os.devnull, "wb") as null, open(stdin, "rb") as source:
        start = time.perf_counter()
        child = subprocess.Popen(cmd, stdin=source, stdout=null, stderr=subprocess.PIPE, env=env)
        error = child.stderr.read()
        code = child.wait()
        seconds = time.perf_counter() - start
    if code != 0:
        sys.exit(f"{' '.join(cmd)} failed: {error.decode(errors='replace')[:500]}")
    return seconds


def memory(cmd, env, stdin=os.devnull):
    """Peak memory of a command in MB. GNU time starts it: what this interpreter itself holds would be counted otherwise."""
    with open(os.devnull, "wb") as null, open(stdin, "rb") as source, tempfile.NamedTemporaryFile("r") as out:
        subprocess.run(["/usr/bin/time", "-f", "%M", "-o", out.name, *cmd], stdin=source, stdout=null, stderr=null, env=env, check=True)
        return int(out.read().split()[-1]) / 1024


def best(cmd, env, seconds=1.5, most=60, stdin=os.devnull):
    """Best time and peak memory over runs that together take about `seconds`."""
    spent, results = 0.0, []
    while not results or (spent < seconds and len(results) < most):
        results.append(run(cmd, env, stdin))
        spent += results[-1]
    return min(results), memory(cmd, env, stdin)


def write(name, report):
    """Puts a report between its marks in docs/benchmarks.md."""
    page = pathlib.Path("docs/benchmarks.md")
    start, end = f"<!-- {name}:start -->\n", f"<!-- {name}:end -->"
    head, rest = page.read_text().split(start)
    page.write_text(head + start + report + "\n" + end + rest.split(end)[1])


def yaml_input(leaves):
    lines = []
    per = 20
    for service in range(leaves // per):
        lines.append(f"service{service}:")
        lines.append("  database:")
        for i in range(per // 2):
            lines.append(f"    connection_option_{i}: value-{service:06d}-{i:02d}")
        lines.append("  limits:")
        for i in range(per // 2):
            lines.append(f"    connection_limit_number_{i}: {service * 10 + i}")
    return "\n".join(lines) + "\n"


def json_input(leaves):
    out = ["{"]
    per = 20
    services = leaves // per
    for service in range(services):
        out.append(f'  "service{service}": {{')
        out.append('    "database": {')
        out.append(",\n".join(f'      "connection_option_{i}": "value-{service:06d}-{i:02d}"' for i in range(per // 2)))
        out.append("    },")
        out.append('    "limits": {')
        out.append(",\n".join(f'      "connection_limit_number_{i}": {service * 10 + i}' for i in range(per // 2)))
        out.append("    }")
        out.append("  }" + ("," if service + 1 < services else ""))
    return "\n".join(out) + "\n}\n"


SMALL = "database:\n    host: db1.example.com\n    password: s3cr3t\n    port: 5432\nkeys:\n    - a\n    - b\nflag: true\n"


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--leafseal", required=True)
    args.add_argument("--reference", default=os.environ.get("LEAFSEAL_REFERENCE_SOPS"))
    args.add_argument("--rops", default=os.environ.get("LEAFSEAL_ROPS"))
    args.add_argument("--quick", action="store_true")
    args.add_argument("--write", action="store_true")
    args = args.parse_args()
    args.leafseal = os.path.abspath(args.leafseal)

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        env = {"HOME": str(folder), "PATH": os.environ["PATH"], "SOPS_DISABLE_VERSION_CHECK": "1"}
        keys = folder / "keys.txt"
        subprocess.run([args.leafseal, "keygen", "-o", str(keys)], env=env, check=True, stderr=subprocess.DEVNULL)
        recipient = next(l.split()[-1] for l in keys.read_text().splitlines() if l.startswith("# public key"))
        secret = next(l for l in keys.read_text().splitlines() if l.startswith("AGE-SECRET-KEY"))
        env["SOPS_AGE_KEY_FILE"] = str(keys)
        env["ROPS_AGE"] = secret

        rows = []

        def measure(work, ours, reference=None, rops=None, plain=None, slow=False):
            print(f"  {work} ...", file=sys.stderr, flush=True)
            t, m = best([args.leafseal, *ours], env)
            row = {"work": work, "t": t, "m": m, "plain": plain}
            if reference and args.reference and not (slow and args.quick):
                row["rt"], row["rm"] = best([args.reference, *reference], env, seconds=0 if slow else 2.0)
            if rops and args.rops:
                # rops refuses a file argument where standard input is not a terminal: it gets its input there.
                command, source = rops
                row["ot"], row["om"] = best([args.rops, *command], env, seconds=1.0, stdin=source)
            rows.append(row)
            return row

        measure("`--version`", ["--version"], ["--version", "--disable-version-check"])
        sizes = [(0, "small file", False), (20_000, "20,000 leaves", False), (200_000, "200,000 leaves", True)]
        for leaves, name, slow in sizes:
            for kind in ("yaml", "json"):
                if leaves == 0 and kind == "json":
                    continue
                text = SMALL if leaves == 0 else (yaml_input if kind == "yaml" else json_input)(leaves)
                plain, enc, ropsenc = folder / f"p{leaves}.{kind}", folder / f"e{leaves}.{kind}", folder / f"r{leaves}.{kind}"
                plain.write_text(text)
                with open(enc, "wb") as out:
                    subprocess.run([args.leafseal, "encrypt", "--age", recipient, str(plain)], env=env, check=True, stdout=out)
                rops_encrypt = ["encrypt", "--age", recipient, "--format", kind]
                if args.rops:
                    with open(plain, "rb") as source, open(ropsenc, "wb") as out:
                        subprocess.run([args.rops, *rops_encrypt], env=env, stdin=source, stdout=out, check=True)
                label = f"{kind.upper()}, {name}"
                size = len(text)
                measure(f"{label}: encrypt", ["encrypt", "--age", recipient, str(plain)], ["encrypt", "--age", recipient, str(plain)],
                        (rops_encrypt, plain), size, slow)
                measure(f"{label}: decrypt", ["decrypt", str(enc)], ["decrypt", str(enc)],
                        (["decrypt", "--format", kind], ropsenc), size, slow)
                if leaves == 0:
                    # Mappings are no variables: sops refuses them, too.
                    flat = folder / "flat.yaml"
                    flat.write_text("host: db1.example.com\npassword: s3cr3t\nport: 5432\n")
                    subprocess.run([args.leafseal, "encrypt", "-i", "--age", recipient, str(flat)], env=env, check=True)
                    for command in (["filestatus", str(enc)], ["exec-env", str(flat), "true"]):
                        measure(f"{label}: {command[0]}", command, command)
                if leaves == 200_000 and kind == "yaml":
                    target = folder / "set.yaml"
                    target.write_bytes(enc.read_bytes())
                    command = [args.leafseal, "set", str(target), '["service77"]["database"]["connection_option_3"]']
                    times = [run([*command, f'"v{n}"'], env) for n in range(8)]
                    rows.append({"work": f"{label}: set one value", "t": min(times), "m": memory([*command, '"x"'], env), "plain": size})
        growth = []
        if not args.quick:
            text = yaml_input(2_000_000)
            plain, enc = folder / "p2m.yaml", folder / "e2m.yaml"
            plain.write_text(text)
            with open(enc, "wb") as out:
                subprocess.run([args.leafseal, "encrypt", "--age", recipient, str(plain)], env=env, check=True, stdout=out)
            measure("YAML, 2,000,000 leaves: encrypt", ["encrypt", "--age", recipient, str(plain)], plain=len(text))
            measure("YAML, 2,000,000 leaves: decrypt", ["decrypt", str(enc)], plain=len(text))
            at = {r["work"]: r["t"] for r in rows}
            for what in ("encrypt", "decrypt"):
                few, many = at[f"YAML, 20,000 leaves: {what}"] / 20_000, at[f"YAML, 2,000,000 leaves: {what}"] / 2_000_000
                growth.append(f"Time a leaf from 20,000 to 2,000,000 leaves, {what}: x {many / few:.2f}")

        lines = ["| work | leafseal | memory | sops | memory | sops / leafseal | rops / leafseal |", "|---|---|---|---|---|---|---|"]
        for r in rows:
            shown = f"{r['m']:.0f} MB"
            if r.get("plain") and r["plain"] > 100_000:
                shown += f" ({r['m'] * 1024 * 1024 / r['plain']:.1f} x plaintext)"
            ratio = f"**{r['rt'] / r['t']:.0f}**" if "rt" in r else ""
            theirs = f"{r['rt'] * 1000:.0f} ms" if "rt" in r else ""
            their_memory = f"{r['rm']:.0f} MB" if r.get("rm") else ""
            rops = f"{r['ot'] / r['t']:.1f}" if "ot" in r else ""
            lines.append(f"| {r['work']} | {r['t'] * 1000:.1f} ms | {shown} | {theirs} | {their_memory} | {ratio} | {rops} |")
        at = {r["work"]: r["t"] for r in rows}
        decrypt = at.get("YAML, 200,000 leaves: decrypt")
        if decrypt:
            growth.append(f"`set` of one value in 200,000 leaves: {at['YAML, 200,000 leaves: set one value'] / decrypt:.2f} times a decrypt")
        report = "\n".join(lines + [""] + growth)
        print(report)
        if args.write:
            write("bench", report)


if __name__ == "__main__":
    main()
