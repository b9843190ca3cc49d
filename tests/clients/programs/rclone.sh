# rclone: copy up and down, check, list; then what is forbidden.
set -euo pipefail
export RCLONE_CONFIG_K_TYPE=s3 RCLONE_CONFIG_K_PROVIDER=Other RCLONE_CONFIG_K_ENV_AUTH=true
export RCLONE_CONFIG_K_ENDPOINT=$AWS_ENDPOINT_URL RCLONE_S3_NO_CHECK_BUCKET=true RCLONE_CONFIG= RCLONE_RETRIES=1
export RCLONE_LOW_LEVEL_RETRIES=1
mkdir -p up && echo one >up/one && head -c 11000000 /dev/urandom >up/large
"$2" copy up "k:$1/mine/" --s3-upload-cutoff 5M --s3-chunk-size 5M
"$2" copy "k:$1/mine/" down
diff -r up down
[ "$("$2" lsf "k:$1/mine/" | wc -l)" = 2 ]
echo DONE
"$2" copy up/one "k:$1/theirs/" --no-check-dest
