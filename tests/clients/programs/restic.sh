# restic: a repository, a backup, a restore, a check; then what is forbidden.
set -euo pipefail
export RESTIC_PASSWORD=word RESTIC_CACHE_DIR=cache
mkdir -p up && echo one >up/one && head -c 3000000 /dev/urandom >up/large
restic -q -r "s3:$AWS_ENDPOINT_URL/$1/mine" init
restic -q -r "s3:$AWS_ENDPOINT_URL/$1/mine" backup up
restic -q -r "s3:$AWS_ENDPOINT_URL/$1/mine" restore latest --target down
diff -r up down/up || diff -r up "down$PWD/up"
echo DONE
restic -q -r "s3:$AWS_ENDPOINT_URL/$1/theirs" init
