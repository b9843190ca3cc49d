"""Runs every client in the network that this process is in, two at a time, and says how each ended, as JSON.

First it prints the instance id where it is one, and waits for a line: what it runs, {"client": [command...]}.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor


def metadata(path):
    base = "http://169.254.169.254/latest/"
    ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    with urllib.request.urlopen(urllib.request.Request(base + "api/token", method="PUT", headers=ttl)) as answer:
        token = {"X-aws-ec2-metadata-token": answer.read().decode()}
    with urllib.request.urlopen(urllib.request.Request(base + path, headers=token)) as answer:
        return answer.read().decode()


def run(command):
    with tempfile.TemporaryDirectory() as directory:
        # botocore waits a second for the metadata service, once, and then has no credentials.
        env = {**os.environ, "HOME": directory, "AWS_METADATA_SERVICE_TIMEOUT": "10"}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        ended = subprocess.run(command, cwd=directory, env=env, text=True, timeout=100, check=False, **pipes)
        return {"code": ended.returncode, "said": ended.stdout[-20000:]}


def main():
    container = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" in os.environ
    print("" if container else metadata("meta-data/instance-id"), flush=True)
    wanted = json.loads(sys.stdin.readline())
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(run, wanted.values()))
    print(json.dumps(dict(zip(wanted, ended, strict=True))))


main()
