"""AWS KMS, STS and IAM on loopback, by moto, until standard input ends. Prints one line of JSON: where it is and what is in it.

usage: aws.py [auth]      auth: signatures and policies are checked, and there are users with keys
"""
import json
import os
import sys

os.environ.update(AWS_EC2_METADATA_DISABLED="true", AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing")
check = sys.argv[1:] == ["auth"]
# What is set up here goes before the checks begin.
SET_UP = 9
if check:
    os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = str(SET_UP)

import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
_, port = server.get_host_and_port()
url = f"http://127.0.0.1:{port}"


def client(name, region="us-east-1"):
    return boto3.client(name, endpoint_url=url, region_name=region)


kms, iam = client("kms"), client("iam")
key = kms.create_key()["KeyMetadata"]
kms.create_alias(AliasName="alias/sops", TargetKeyId=key["KeyId"])
other = client("kms", "eu-west-1").create_key()["KeyMetadata"]
account = key["Arn"].split(":")[4]


def user(name, actions):
    iam.create_user(UserName=name)
    if actions:
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return [made["AccessKeyId"], made["SecretAccessKey"]]


trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:user/sops"}, "Action": "sts:AssumeRole"}
role = iam.create_role(RoleName="sops", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
facts = {
    "url": url,
    "key": key["Arn"],
    "alias": f"arn:aws:kms:us-east-1:{account}:alias/sops",
    "other": other["Arn"],
    "role": role["Role"]["Arn"],
    "user": user("sops", ["kms:*", "sts:*"]),
    "nobody": user("nobody", []),
}
print(json.dumps(facts), flush=True)
sys.stdin.read()
server.stop()
