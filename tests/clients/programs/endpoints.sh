# Commands that find their credentials by themselves: write and read an object, then what is forbidden.
# usage: endpoints.sh CLIENT BUCKET RCLONE
set -euo pipefail
echo -n 0123456789 >file

# curl signs, but knows of no credentials: fetched as the documentation of AWS shows it.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
fetched() {
  if [ -n "${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI:-}" ]; then
    curl -sf "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
  else
    local token roles=http://169.254.169.254/latest/meta-data/iam/security-credentials
    token=$(curl -sf -X PUT http://169.254.169.254/latest/api/token -H "X-aws-ec2-metadata-token-ttl-seconds: 60")
    curl -sf -H "X-aws-ec2-metadata-token: $token" "$roles/$(curl -sf -H "X-aws-ec2-metadata-token: $token" $roles/)"
  fi
}
with_curl() {
  local found key secret token
  found=$(fetched)
  key=$(jq -r .AccessKeyId <<<"$found") secret=$(jq -r .SecretAccessKey <<<"$found") token=$(jq -r .Token <<<"$found")
  sign() {
    curl -sS --aws-sigv4 "aws:amz:$AWS_REGION:s3" --user "$key:$secret" -H "x-amz-security-token: $token" \
      -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" "$@"
  }
  sign -f -T file "https://$1.s3.amazonaws.com/mine/curl"
  [ "$(sign -f "https://$1.s3.amazonaws.com/mine/curl")" = 0123456789 ]
  echo DONE
  sign -T file "https://$1.s3.amazonaws.com/theirs/curl" >&2
  ! sign -f -o /dev/null -T file "https://$1.s3.amazonaws.com/theirs/curl"
  exit 1
}
with_awscli() {
  aws s3 cp file "s3://$1/mine/awscli" --only-show-errors
  [ "$(aws s3 cp "s3://$1/mine/awscli" -)" = 0123456789 ]
  echo DONE
  aws s3 cp file "s3://$1/theirs/awscli"
}
with_awscli2() {
  local place="$MODULES/.."
  aws() { PYTHONPATH="$place/awscli2/usr/lib/python3/dist-packages" "$place/bin/python" "$place/awscli2/usr/bin/aws" "$@"; }
  aws --version | grep -q '^aws-cli/2\.'
  aws s3 cp file "s3://$1/mine/awscli2" --only-show-errors
  [ "$(aws s3 cp "s3://$1/mine/awscli2" -)" = 0123456789 ]
  echo DONE
  aws s3 cp file "s3://$1/theirs/awscli2"
}
with_rclone() {
  export RCLONE_CONFIG_K_TYPE=s3 RCLONE_CONFIG_K_PROVIDER=AWS RCLONE_CONFIG_K_ENV_AUTH=true RCLONE_CONFIG=
  export RCLONE_CONFIG_K_REGION=$AWS_REGION RCLONE_S3_NO_CHECK_BUCKET=true RCLONE_RETRIES=1 RCLONE_LOW_LEVEL_RETRIES=1
  "$2" copyto file "k:$1/mine/rclone" --no-check-dest
  [ "$("$2" cat "k:$1/mine/rclone")" = 0123456789 ]
  echo DONE
  "$2" copyto file "k:$1/theirs/rclone" --no-check-dest
}
with_restic() {
  export RESTIC_PASSWORD=word RESTIC_CACHE_DIR=cache
  restic -q -r "s3:https://s3.amazonaws.com/$1/mine/restic" init
  restic -q -r "s3:https://s3.amazonaws.com/$1/mine/restic" backup file
  echo DONE
  restic -q -r "s3:https://s3.amazonaws.com/$1/theirs/restic" init
}
"with_$1" "$2" "$3"
