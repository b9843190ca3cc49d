# The AWS CLI: sync up and down, a large file, a presigned URL, removal; then what is forbidden.
set -euo pipefail
# Version 1 of the AWS CLI presigns with Signature Version 2 unless it is told.
mkdir -p .aws && printf "[default]\ns3 =\n  signature_version = s3v4\n" >.aws/config
mkdir -p up/sub && echo one >up/one && echo two >up/sub/two && head -c 9000000 /dev/urandom >up/large
aws s3 sync up "s3://$1/mine" --only-show-errors
aws s3 sync "s3://$1/mine" down --only-show-errors
diff -r up down
[ "$(curl -fsS "$(aws s3 presign "s3://$1/mine/one")")" = one ]
echo DONE
aws s3 cp up/one "s3://$1/theirs/x"
