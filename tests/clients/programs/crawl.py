"""cloud-init's own module for EC2 reads everything that the metadata service lists; usage: crawl.py DIRECTORY.

As its data source does: the newest version that it asks for, a session token, no address given. Prints what it found,
and every request that failed.
"""

import json
import sys

sys.path.append(f"{sys.argv[1]}/usr/lib/python3/dist-packages")

from cloudinit import url_helper
from cloudinit.sources import DataSourceEc2
from cloudinit.sources.helpers import ec2

failed = []


def token(url):
    ttl = {DataSourceEc2.AWS_TOKEN_REQ_HEADER: "60"}
    answer = url_helper.readurl("http://169.254.169.254/latest/api/token", headers=ttl, request_method="PUT")
    return {DataSourceEc2.AWS_TOKEN_PUT_HEADER: str(answer)}


def failing(arguments, cause):
    failed.append(f"{cause.code} {cause.url}")
    return False  # not again


asked = {"api_version": DataSourceEc2.DataSourceEc2.extended_metadata_versions[0], "headers_cb": token}
found = ec2.get_instance_metadata(**asked, exception_cb=failing)
identity = ec2.get_instance_identity(**asked, exception_cb=failing)
print(json.dumps({"found": found, "identity": identity, "failed": failed}, default=str))
