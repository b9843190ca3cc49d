# curl signs by itself: put, get a range; then what is forbidden.
set -euo pipefail
sign() {
  curl -sS --aws-sigv4 "aws:amz:$AWS_REGION:s3" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
    -H "x-amz-security-token: $AWS_SESSION_TOKEN" -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" "$@"
}
echo 0123456789 >file
sign -f -T file "$AWS_ENDPOINT_URL/$1/mine/file"
[ "$(sign -f -r 2-4 "$AWS_ENDPOINT_URL/$1/mine/file")" = 234 ]
[[ $(sign -f "$AWS_ENDPOINT_URL/$1?list-type=2&prefix=mine%2F") = *'<Key>mine/file</Key>'* ]]
echo DONE
sign -T file "$AWS_ENDPOINT_URL/$1/theirs/x" | tee /dev/stderr
! sign -f -o /dev/null -T file "$AWS_ENDPOINT_URL/$1/theirs/x"
exit 1
