"""Lets tests ask journal/verify.py about many bundles in one process: a length (4 bytes) and a bundle on stdin, one
line of JSON on stdout. First line: the codes that it leaves. Argument 1: the script; argument 2, if any: Python that
patches the module `v` first, for tests that break one of its rules."""
import importlib.util
import json
import sys

spec = importlib.util.spec_from_file_location("verify", sys.argv[1])
v = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
spec.loader.exec_module(v)
if len(sys.argv) > 2:
    exec(sys.argv[2], {"v": v})
print(json.dumps(list(v.LEFT)), flush=True)
while len(size := sys.stdin.buffer.read(4)) == 4:
    print(json.dumps(v.verdict(sys.stdin.buffer.read(int.from_bytes(size, "big")))), flush=True)
